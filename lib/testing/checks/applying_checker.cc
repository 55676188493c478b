#include "lib/testing/checks/applying_checker.h"

#include <algorithm>

#include "absl/time/time.h"

namespace zkq::testing {

std::optional<Violation> ApplyingChecker::OnLook(ServerId sid, const ReplicaStatus& status,
                                                 absl::Duration kept_until, absl::Duration now) {
  constexpr absl::Duration kLong = absl::Seconds(5);
  const auto [known, first] = stands_.try_emplace(sid, Stand{status.last_applied, now});
  Stand& stand = known->second;
  // A peer that looks, or is being brought up, delivers nothing.
  const bool delivers = !status.halted && status.phase == ZabPhase::kBroadcast;
  const bool done = status.last_applied >= std::min(status.last_committed, status.last_logged);
  if (done || !delivers || status.last_applied != stand.applied) {
    stand = {status.last_applied, now};
    return std::nullopt;
  }
  if (std::max(stand.since, kept_until) + kLong >= now) return std::nullopt;
  return Violation{"applying goes on", "server " + ToString(sid) + " has applied " +
                                           ToString(status.last_applied) + " of " +
                                           ToString(status.last_committed) + ", and no more for " +
                                           absl::FormatDuration(now - stand.since)};
}

}  // namespace zkq::testing
