#include "lib/testing/checks/status_steps.h"

#include <string>

namespace zkq::testing {
namespace {

std::string Name(const ReplicaStatus& status) { return "server " + ToString(status.id); }

std::string FromTo(Zxid from, Zxid to) { return " from " + ToString(from) + " to " + ToString(to); }

}  // namespace

std::optional<Violation> CheckStatus(const ReplicaStatus& status) {
  const std::string who = Name(status);
  if (status.last_applied > status.last_committed) {
    return Violation{"INV-18 apply what is committed",
                     who + " has applied " + ToString(status.last_applied) +
                         ", and knows committed " + ToString(status.last_committed)};
  }
  const bool leads = status.state == PeerState::kLeading;
  if (status.leader && leads != (status.leader == status.id)) {
    return Violation{"role", who + " is " + std::string(ToString(status.state)) +
                                 ", and its leader is " + ToString(*status.leader)};
  }
  if (status.state == PeerState::kLooking &&
      (status.leader || status.phase != ZabPhase::kElection)) {
    return Violation{"role", who + " looks, and has a leader or a term"};
  }
  if (status.phase == ZabPhase::kBroadcast && !status.leader) {
    return Violation{"role", who + " is in broadcast, without a leader"};
  }
  return std::nullopt;
}

// What it takes part in may fall, when a term fails that was not established yet.
std::optional<Violation> CheckStep(const ReplicaStatus& before, const ReplicaStatus& after) {
  const std::string who = Name(after);
  if (before.leader && after.leader && after.epoch < before.epoch) {
    return Violation{"INV-1 epoch monotony", who + ": the epoch falls from " +
                                                 std::to_string(before.epoch) + " to " +
                                                 std::to_string(after.epoch)};
  }
  if (before.leader && after.leader && after.epoch == before.epoch &&
      after.leader != before.leader) {
    return Violation{"INV-2 leadership",
                     who + ": the leader of epoch " + std::to_string(after.epoch) + " changes"};
  }
  if (after.last_committed < before.last_committed) {
    return Violation{
        "INV-1 commit monotony",
        who + ": committed falls" + FromTo(before.last_committed, after.last_committed)};
  }
  if (after.last_applied < before.last_applied) {
    return Violation{"INV-11 total order",
                     who + ": applied falls" + FromTo(before.last_applied, after.last_applied)};
  }
  if (before.halted && !after.halted) {
    return Violation{"role", who + " has halted, and goes on"};
  }
  return std::nullopt;
}

}  // namespace zkq::testing
