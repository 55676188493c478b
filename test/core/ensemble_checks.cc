// What must hold in an Ensemble, whatever happens (PROTOCOL §12).
#include "test/core/ensemble.h"

#include <algorithm>

#include "lib/core/history.h"
#include "lib/core/quorum.h"
#include "lib/wire/disk.h"

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
  // Nothing is applied before it is founded. What is committed by the configuration that an entry
  // leads to needs the one before it as well (INV-20).
  CheckHeld(txn.zxid, configs_.back());
  if (txn.kind == TxnKind::kReconfig) {
    configs_.push_back(ConfigOf(txn));
    CheckHeld(txn.zxid, configs_.back());
  }
  if (txn.kind == TxnKind::kNoop) {
    settled_ = std::max(settled_, DecodeZxid(txn.command.view()).value_or(Zxid{}));
  }
}

// A lost disk had what was durable on it.
void Ensemble::CheckHeld(Zxid zxid, const Membership& config) {
  std::set<MemberId> holders;
  const auto count = [&](const Disk& disk) {
    const bool logged = std::any_of(disk.log.rbegin(), disk.log.rend(),
                                    [&](const Txn& held) { return held.zxid == zxid; });
    if (logged || disk.snapshot >= zxid) holders.insert({disk.state.sid, disk.state.disk});
  };
  for (const auto& [sid, server] : servers_) {
    count(server.disk);
    for (const Disk& disk : server.former) count(disk);
  }
  if (QuorumSystem(config).Contains(holders)) return;
  std::string durable_at;
  for (const MemberId& member : holders) durable_at += " " + ToString(member.id);
  Violate("INV-15: " + ToString(zxid) + " is committed, durable at" + durable_at +
          " only, no quorum of " + ToString(config));
}

// Whoever leads an epoch has all that was committed in earlier ones.
void Ensemble::CheckComplete(const Server& server, Epoch epoch) {
  std::vector<Txn> history = server.applied;
  for (const Txn& txn : server.live_tail) {
    if (txn.zxid > server.applied_zxid) history.push_back(txn);
  }
  for (size_t i = 0; i < committed_.size() && committed_[i].zxid.epoch < epoch; ++i) {
    if (i < history.size() && history[i] == committed_[i]) continue;
    return Violate("INV-16: " + ToString(server.id) + " leads epoch " + std::to_string(epoch) +
                   " without " + ToString(committed_[i].zxid));
  }
}

// Who is told that a change is done may stop whom it has left out (PROTOCOL §10.3).
void Ensemble::CheckChange(uint64_t call) {
  for (const Txn& txn : committed_) {
    const bool answered = txn.kind == TxnKind::kReconfig && txn.origin.call == call;
    if (answered && settled_ < txn.zxid) Violate("a change is answered before it is settled");
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
  if (txn.kind != TxnKind::kCommand) return;  // changes of the configuration stand outside
  const auto& log = server.disk.log;
  const auto before = std::find_if(log.rbegin(), log.rend(), [&](const Txn& held) {
    return held.kind == TxnKind::kCommand && held.origin.sid == txn.origin.sid &&
           held.origin.boot == txn.origin.boot;
  });
  if (before == log.rend() || before->origin.call < txn.origin.call) return;
  Violate("INV-31: call " + std::to_string(txn.origin.call) + " is " + ToString(txn.zxid) +
          ", after call " + std::to_string(before->origin.call) + " as " + ToString(before->zxid));
}

// Whoever's current epoch is e holds the initial history of e: what its leader had on
// disk when it took that epoch.
void Ensemble::CheckCurrent(const Server& server, const HardState& state) {
  const Disk& disk = server.disk;
  if (state.accepted.leader == server.id && state.accepted.boot == server.boot) {
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
  static const std::set<std::string> kNotCommitted = {
      "no-leader",     "overload",      "too-large", "abandoned",    "expired",
      "no-membership", "other-version", "no-quorum", "still-linked", "not-caught-up"};
  return kNotCommitted.contains(outcome);
}

void Ensemble::Decide(uint64_t call, const std::string& outcome) {
  std::string& decided = outcomes_[call];
  if (decided == "late") return;
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
    if (const auto* info = std::get_if<LeaderInfo>(&send->message.body)) {
      if (info->decided) decided_.emplace(info->epoch, server.id, disk.state.boot);
    }
    if (const auto* promised = std::get_if<AckEpoch>(&send->message.body)) {
      const Epoch epoch = send->message.session.epoch;
      // An observer promises nothing.
      const bool observes = server.peer->view().role.state == PeerState::kObserving;
      if (disk.state.accepted.epoch < epoch && !observes) {
        Violate("INV-4: promised before it was durable");
      }
      // Nobody else can complete an epoch that is complete, so the promise may go there (§6.3).
      const LinkId& to = send->to.front();
      if (decided_.contains({epoch, to.sid, to.boot})) return;
      const auto [given, first] =
          promised_.try_emplace({{server.id, disk.state.disk}, epoch}, std::pair(to.sid, to.boot));
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
      const auto [known, added] = established_.try_emplace(role.epoch, server.place);
      if (added) CheckComplete(server, role.epoch);
      if (known->second != server.place) Violate("INV-2: two leaders of one epoch");
    }
  }
}

}  // namespace zkq::core
