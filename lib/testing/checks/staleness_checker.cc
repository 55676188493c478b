#include "lib/testing/checks/staleness_checker.h"

#include <algorithm>
#include <string>

namespace zkq::testing {

void StalenessChecker::OnDone(uint64_t, const absl::StatusOr<Reply>& result) {
  if (!result.ok() || (!told_.empty() && result->zxid <= told_.back().zxid)) return;
  told_.push_back({scheduler_.now(), result->zxid});
}

void StalenessChecker::OnStatus(ServerId sid, const ReplicaStatus& status) {
  if (violation_ || status.staleness == absl::InfiniteDuration()) return;
  const absl::Duration as_of = scheduler_.now() - status.staleness;
  // By its own clock that is another time, or the one at which it stood still.
  if (as_of <= paced_(sid)) return;
  const auto after = std::partition_point(told_.begin(), told_.end(),
                                          [&](const Told& told) { return told.at < as_of; });
  if (after == told_.begin() || std::prev(after)->zxid <= status.last_applied) return;
  const Told& missing = *std::prev(after);
  violation_ = {"staleness", "server " + ToString(sid) + " has applied " +
                                 ToString(status.last_applied) + " and says that it is stale by " +
                                 absl::FormatDuration(status.staleness) + "; " +
                                 ToString(missing.zxid) + " was acknowledged " +
                                 absl::FormatDuration(scheduler_.now() - missing.at) + " ago"};
}

}  // namespace zkq::testing
