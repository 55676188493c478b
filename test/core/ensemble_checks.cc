// What must hold in an Ensemble, whatever happens (PROTOCOL §12).
#include "test/core/ensemble.h"

#include <algorithm>

#include "lib/core/history.h"

namespace zkq::core {

// --- what must hold -------------------------------------------------------------------

void Ensemble::Violate(const std::string& what) {
  if (violation_.empty()) violation_ = what + " (seed " + std::to_string(options_.seed) + ")";
}

// The first who applies a transaction is not alone with it: a quorum holds it durably.
// And nobody has been told that it never would be.
void Ensemble::CheckCommitted(const Txn& txn) {
  const auto said = outcomes_.find(txn.origin.call);
  if (said != outcomes_.end() && NotCommitted(said->second)) {
    Violate("a call was reported " + said->second + " and is committed as " + ToString(txn.zxid));
  }
  size_t holders = 0;
  for (const auto& [sid, server] : servers_) {
    const auto& log = server.disk.log;
    const bool logged = std::any_of(log.rbegin(), log.rend(),
                                    [&](const Txn& held) { return held.zxid == txn.zxid; });
    holders += logged || server.disk.snapshot >= txn.zxid;
  }
  if (holders <= servers_.size() / 2) {
    Violate("INV-15: " + ToString(txn.zxid) + " is committed, and durable at " +
            std::to_string(holders) + " only");
  }
}

// Equal zxids name equal transactions, and every entry stands right after the one it
// names: so histories that share an entry share all before it (INV-7).
void Ensemble::CheckLogged(const Server& server, const Txn& txn) {
  const auto [known, first] = content_.try_emplace(txn.zxid, txn.encoded);
  if (!first && !(known->second == txn.encoded)) {
    Violate("INV-6: two transactions are called " + ToString(txn.zxid));
  }
  const Disk& disk = server.disk;
  const Zxid last = disk.log.empty() ? disk.begin : disk.log.back().zxid;
  if (txn.prev != last || !Follows(txn.zxid, last)) {
    Violate("INV-8: " + ToString(server.id) + " logs " + ToString(txn.zxid) + " behind " +
            ToString(last));
  }
  CheckCallOrder(server, txn);
}

// The calls of one process life stand in its order in any history, each once.
void Ensemble::CheckCallOrder(const Server& server, const Txn& txn) {
  const auto& log = server.disk.log;
  const auto before = std::find_if(log.rbegin(), log.rend(), [&](const Txn& held) {
    return held.origin.sid == txn.origin.sid && held.origin.boot == txn.origin.boot;
  });
  if (before == log.rend() || before->origin.call < txn.origin.call) return;
  Violate("INV-31: call " + std::to_string(txn.origin.call) + " is " + ToString(txn.zxid) +
          ", after call " + std::to_string(before->origin.call) + " as " + ToString(before->zxid));
}

// Whoever's current epoch is e holds the initial history of e: what its leader had on
// disk when it took that epoch.
void Ensemble::CheckCurrent(const Server& server, const HardState& state) {
  const Disk& disk = server.disk;
  if (state.accepted.leader == server.id) {
    initial_[state.current] = disk.log.empty() ? disk.begin : disk.log.back().zxid;
  }
  const auto initial = initial_.find(state.current);
  if (initial == initial_.end()) return Violate("INV-9: an epoch its leader does not have");
  const bool holds = initial->second <= disk.begin ||
                     std::any_of(disk.log.rbegin(), disk.log.rend(),
                                 [&](const Txn& txn) { return txn.zxid == initial->second; });
  if (!holds) {
    Violate("INV-9: " + ToString(server.id) + " takes epoch " + std::to_string(state.current) +
            " without " + ToString(initial->second));
  }
}

bool Ensemble::NotCommitted(const std::string& outcome) {
  return outcome == "no-leader" || outcome == "overload" || outcome == "too-large" ||
         outcome == "abandoned" || outcome == "expired";
}

void Ensemble::Decide(uint64_t call, const std::string& outcome) {
  std::string& decided = outcomes_[call];
  if (!decided.empty())
    Violate("call " + std::to_string(call) + " is " + decided + ", then " + outcome);
  const auto answers = [&](const Txn& txn) { return txn.origin.call == call; };
  if (NotCommitted(outcome) && std::any_of(committed_.begin(), committed_.end(), answers)) {
    Violate("call " + std::to_string(call) + " is committed and reported " + outcome);
  }
  decided = outcome;
}

void Ensemble::Check(const Server& server, const Effect& effect) {
  const Disk& disk = server.disk;
  if (const auto* halt = std::get_if<Halt>(&effect)) Violate("halt: " + halt->what);
  if (const auto* send = std::get_if<Send>(&effect)) {
    if (const auto* ack = std::get_if<Ack>(&send->message.body)) {
      const Zxid last = disk.log.empty() ? disk.begin : disk.log.back().zxid;
      const bool epoch_ack = ack->zxid.counter == 0;
      if (epoch_ack ? disk.state.current < ack->zxid.epoch : last < ack->zxid) {
        Violate("INV-4: acknowledged before it was durable: " + ToString(ack->zxid));
      }
    }
    if (const auto* promised = std::get_if<AckEpoch>(&send->message.body)) {
      const Epoch epoch = send->message.session.epoch;
      if (disk.state.accepted.epoch < epoch) Violate("INV-4: promised before it was durable");
      const LinkId& to = send->to.front();
      const auto [given, first] =
          promised_.try_emplace({server.id, epoch}, std::pair(to.sid, to.boot));
      if (promised->current && !first && given->second != std::pair(to.sid, to.boot)) {
        Violate("INV-3: one epoch is promised to two leaders");
      }
    }
  }
  if (const auto* cut = std::get_if<Truncate>(&effect)) {
    if (!committed_.empty() && cut->after < server.applied_zxid) {
      Violate("INV-19: applied transactions are cut");
    }
  }
  if (const auto* changed = std::get_if<RoleChanged>(&effect)) {
    const Role& role = changed->role;
    if (role.state == PeerState::kLeading && role.leader == server.id) {
      const auto [known, added] = established_.try_emplace(role.epoch, server.id);
      if (known->second != server.id) Violate("INV-2: two leaders of one epoch");
    }
  }
}

}  // namespace zkq::core
