#include "lib/testing/checks/epoch_rules.h"

#include <algorithm>
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

// --- the epoch that a leader fixes ---------------------------------------------------------

void EpochRules::Heard(const Route& route, const FollowerInfo& info) {
  HeardOf& heard = heard_[{route.to, route.to_boot}];
  const MemberId member = ledger_.MemberOf(route.from, route.from_boot);
  const bool counts = info.kind == LearnerKind::kFollower &&
                      ledger_.MayVote(ledger_.at(route.to).disk.written(), member);
  heard.of_any = std::max(heard.of_any, info.accepted.epoch);
  if (counts) heard.of_voters = std::max(heard.of_voters, info.accepted.epoch);
}

// It is the next one after the promises of voters, its own included (PROTOCOL §6.2). A renewal goes
// past those, too, of who is to become one (§13.6).
void EpochRules::Promised(ServerId sid, const LogState& before, const HardState& state) {
  if (state.accepted.leader != SeatOf(sid) || ledger_.at(sid).tainted) return;
  const HeardOf& heard = heard_[{sid, state.boot}];
  const auto led = ledger_.leaders.find(before.state.current);
  const bool renews =
      led != ledger_.leaders.end() && led->second == sid &&
      before.state.accepted == Promise{before.state.current, SeatOf(sid), state.boot};
  const Epoch promised =
      std::max(before.state.accepted.epoch, renews ? heard.of_any : heard.of_voters);
  if (state.accepted.epoch <= promised + 1) return;
  ledger_.Violate("INV-25 observers inert", "server " + ToString(sid) + " fixes epoch " +
                                                std::to_string(state.accepted.epoch) +
                                                ", and the promises of voters end with " +
                                                std::to_string(promised));
}

// --- who takes it --------------------------------------------------------------------------

void EpochRules::Took(ServerId sid, const LogState& before, const HardState& state) {
  const Epoch epoch = state.current;
  const std::string who = "server " + ToString(sid) + " takes epoch " + std::to_string(epoch);
  ledger_.at(sid).took.insert(epoch);
  if (state.accepted == Promise{epoch, SeatOf(sid), state.boot}) TookAsLeader(sid, before, state);
  const auto initial = ledger_.initial.find(epoch);
  if (initial == ledger_.initial.end()) {
    if (IsTainted(state.accepted.leader) || IsTainted(TwinOf(state.accepted.leader))) return;
    return ledger_.Violate("INV-9 initial history", who + " before its leader has");
  }
  if (!ledger_.histories.Contains(initial->second, before.last)) {
    ledger_.Violate("INV-9 initial history", who + " with " + ToString(before.last) + ", without " +
                                                 ToString(initial->second));
  }
}

bool EpochRules::IsTainted(ServerId place) const {
  const auto server = ledger_.servers.find(place);
  return server != ledger_.servers.end() && server->second.tainted;
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
