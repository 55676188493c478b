#include "lib/testing/checks/epoch_rules.h"

#include <string>

namespace zkq::testing {

// Once a leader has completed the quorum of an epoch nobody else can, and the promise
// may move to it (PROTOCOL §6.3).
void EpochRules::CheckPromise(const Route& route, Epoch epoch) {
  const std::pair to(route.to, route.to_boot);
  const auto completed = ledger_.leaders.find(epoch);
  if (completed != ledger_.leaders.end() && completed->second == route.to) return;
  if (ledger_.PromisedByQuorum({route.to, route.to_boot, epoch})) return;
  const DiskId& disk = ledger_.at(route.from).disk.durable().state.disk;
  const auto [given, first] = promised_.try_emplace({route.from, disk, epoch}, to);
  if (given->second == to) return;
  ledger_.Violate("INV-3 promise", "server " + ToString(route.from) + " promises epoch " +
                                       std::to_string(epoch) + " to server " + ToString(route.to) +
                                       ", and to another before");
}

void EpochRules::Took(ServerId sid, const LogState& before, const HardState& state) {
  const Epoch epoch = state.current;
  const std::string who = "server " + ToString(sid) + " takes epoch " + std::to_string(epoch);
  ledger_.at(sid).took.insert(epoch);
  if (state.accepted.leader == sid) TookAsLeader(sid, before, state);
  const auto initial = ledger_.initial.find(epoch);
  if (initial == ledger_.initial.end()) {
    const auto leader = ledger_.servers.find(state.accepted.leader);
    if (leader != ledger_.servers.end() && leader->second.tainted) return;
    return ledger_.Violate("INV-9 initial history", who + " before its leader has");
  }
  if (!ledger_.histories.Contains(initial->second, before.last)) {
    ledger_.Violate("INV-9 initial history", who + " with " + ToString(before.last) + ", without " +
                                                 ToString(initial->second));
  }
}

// It has completed discovery: a quorum has promised it this epoch, and none of them
// has more than it has.
void EpochRules::TookAsLeader(ServerId sid, const LogState& before, const HardState& state) {
  const Epoch epoch = state.current;
  const std::string who =
      "server " + ToString(sid) + " takes epoch " + std::to_string(epoch) + " as its leader";
  const auto [leader, first] = ledger_.leaders.try_emplace(epoch, sid);
  if (leader->second != sid) {
    return ledger_.Violate("INV-2 leadership", who + ", as did " + ToString(leader->second));
  }
  if (!ledger_.MayStand(sid, before)) {
    return ledger_.Violate("Q4 candidates", who + ", and has no weight in what counts for it");
  }
  ledger_.initial[epoch] = before.last;
  ledger_.adopted[epoch] = before.state.config.version;
  const Ledger::Term term(sid, state.boot, epoch);
  if (!ledger_.PromisedByQuorum(term))
    return ledger_.Violate("INV-2 leadership", who + ", unpromised by a quorum");
  const auto behind = [&](const MemberId& member, const Ledger::Server& server) {
    if (!ledger_.HasPromised(term, member, server)) return false;
    const Ledger::Standing* standing = ledger_.Find(term, member);
    return standing == nullptr || std::pair(standing->current, standing->last) <=
                                      std::pair(before.state.current, before.last);
  };
  if (!ledger_.IsQuorum(ledger_.RelevantTo(epoch), ledger_.Those(behind))) {
    ledger_.Violate("INV-16 leader completeness", who + " with " + ToString(before.last) +
                                                      ", and servers that promised it have more");
  }
}

}  // namespace zkq::testing
