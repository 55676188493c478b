#include "lib/testing/checks/leader_time_checker.h"

#include <string>

namespace zkq::testing {

void LeaderTimeChecker::OnSent(const Route& route, const Carried& carried) {
  if (carried.message == nullptr) return;
  const auto* proposal = std::get_if<Proposal>(&carried.message->body);
  if (proposal == nullptr || proposal->txns.back().zxid <= newest_) return;
  const Txn& txn = proposal->txns.back();
  newest_ = txn.zxid;
  if (txn.zxid.epoch != carried.message->session.epoch) return;  // Another leader's.
  const std::optional<absl::Time> wall = wall_(route.from);
  const absl::Time said = absl::FromUnixMicros(txn.leader_time);
  if (violation_ || !wall || said >= *wall - kFar) return;
  violation_ = {"leader time follows the clock",
                ToString(txn.zxid) + " of server " + ToString(route.from) + " says " +
                    absl::FormatTime(said, absl::UTCTimeZone()) + ", its clock " +
                    absl::FormatTime(*wall, absl::UTCTimeZone())};
}

}  // namespace zkq::testing
