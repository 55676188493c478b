#include "lib/testing/invariants.h"

#include <algorithm>

namespace zkq::testing {

InvariantChecker::InvariantChecker(std::set<ServerId> voters) : voters_(std::move(voters)) {
  for (const ServerId sid : voters_) servers_[sid];
}

void InvariantChecker::Violate(std::string_view property, std::string what) {
  if (!violation_) violation_ = Violation{std::string(property), std::move(what)};
}

template <typename Has>
bool InvariantChecker::IsQuorum(Has has) const {
  size_t count = 0;
  for (const auto& [sid, server] : servers_) count += has(sid, server);
  return count > voters_.size() / 2;
}

// --- what is committed ----------------------------------------------------------------

void InvariantChecker::Committed(Zxid zxid, const std::string& how) {
  if (zxid == Zxid{} || violation_) return;
  if (histories_.Contains(zxid, committed_)) return;
  if (!histories_.Contains(committed_, zxid)) {
    return Violate("INV-10 agreement", ToString(zxid) + ", " + how + ", and " +
                                           ToString(committed_) + " are both committed");
  }
  for (const auto& [epoch, last] : initial_) {
    if (epoch > zxid.epoch && Established(epoch) && !histories_.Contains(zxid, last)) {
      return Violate("INV-16 leader completeness",
                     ToString(zxid) + ", " + how + ", is not in the initial history of epoch " +
                         std::to_string(epoch) + ", which ends with " + ToString(last));
    }
  }
  CheckHeldByQuorum(zxid, how);
  committed_ = zxid;
}

void InvariantChecker::CheckHeldByQuorum(Zxid zxid, const std::string& how) {
  std::string holders;
  const bool held = IsQuorum([&](ServerId sid, const Server& server) {
    const bool holds = server.lost || histories_.Contains(zxid, server.disk.durable().last);
    if (holds) holders += " " + ToString(sid);
    return holds;
  });
  if (held) return;
  Violate("INV-15 committed durability",
          ToString(zxid) + ", " + how + ", is durable at no quorum, only at:" + holders);
}

// A quorum has taken just this epoch, durably: a later one says nothing of it.
bool InvariantChecker::Established(Epoch epoch) const {
  return IsQuorum([&](ServerId, const Server& server) {
    return server.lost ||
           (server.took.contains(epoch) && server.disk.durable().state.current >= epoch);
  });
}

bool InvariantChecker::AnyDamaged() const {
  return std::any_of(servers_.begin(), servers_.end(),
                     [](const auto& one) { return one.second.damaged; });
}

void InvariantChecker::OnEnd() {
  CheckHeldByQuorum(committed_, "the newest");
  for (const auto& [number, call] : calls_) {
    if (!call.done) {
      return Violate("each call once", "call " + std::to_string(number) + " was never completed");
    }
  }
}

// --- lives ------------------------------------------------------------------------------

void InvariantChecker::OnStarting(ServerId sid) {
  Server& server = at(sid);
  server.fresh = true;
  server.applied.reset();
  server.status.reset();
}

void InvariantChecker::OnStarted(ServerId sid, const absl::Status& status) {
  Server& server = at(sid);
  if (!status.ok() && !server.excused && !server.damaged) {
    Violate("LIV-3 no restart trap",
            "server " + ToString(sid) + " does not start: " + status.ToString());
  }
  if (status.ok()) server.excused = false;
}

void InvariantChecker::OnCrashed(ServerId sid, const MemoryFileSystem& disk) {
  Server& server = at(sid);
  server.disk.OnCrash(disk);
  server.took.erase(server.took.upper_bound(server.disk.written().state.current),
                    server.took.end());
}

void InvariantChecker::OnWiped(ServerId sid) {
  Server& server = at(sid);
  const bool founded = std::any_of(servers_.begin(), servers_.end(), [](const auto& one) {
    return one.second.disk.written().state.ensemble != EnsembleId{};
  });
  server.disk.OnWiped();
  server.damaged = false;  // it is a good one, and empty
  if (founded) server.lost = server.wiped = true;
}

void InvariantChecker::OnExcused(ServerId sid, std::string_view) { at(sid).excused = true; }

void InvariantChecker::OnDamaged(ServerId sid) { at(sid).lost = at(sid).damaged = true; }

// --- the state machine --------------------------------------------------------------------

void InvariantChecker::OnApplied(ServerId sid, const Transaction& txn) {
  Server& server = at(sid);
  const std::string who = "server " + ToString(sid) + " applies " + ToString(txn.zxid);
  if (!histories_.Knows(txn.zxid)) return Violate("INV-5 integrity", who + ", which nobody made");
  const Zxid before = histories_.Before(txn.zxid);
  if (server.applied && *server.applied != before) {
    return Violate("INV-11 total order", who + " behind " + ToString(*server.applied) +
                                             ", but it stands behind " + ToString(before));
  }
  server.applied = txn.zxid;
  if (!server.damaged && !histories_.Contains(txn.zxid, server.disk.durable().last)) {
    return Violate("INV-18 apply what is durable",
                   who + ", durable are " + ToString(server.disk.durable().last));
  }
  Committed(txn.zxid, "applied by server " + ToString(sid));

  const std::string command(txn.command);
  commands_[txn.zxid] = command;
  const auto [known, first] = applied_commands_.try_emplace(command, txn.zxid);
  if (!first && known->second != txn.zxid) {
    return Violate("applied once", who + ", which is " + ToString(known->second) + " again");
  }
  if (not_committed_.contains(command)) {
    Violate("outcome", who + ", whose caller was told that it is not committed");
  }
}

// Where a snapshot stands only its replica's status tells.
void InvariantChecker::OnRestored(ServerId sid) { at(sid).applied.reset(); }

void InvariantChecker::OnStatus(ServerId sid, const ReplicaStatus& status) {
  Server& server = at(sid);
  const std::string who = "server " + ToString(sid);
  if (!status.health.ok() && !server.excused && !server.damaged && !status.amnesic) {
    return Violate("no halt without cause", who + ": " + status.health.ToString());
  }
  if (!server.applied) server.applied = status.last_applied;
  if (status.state == PeerState::kLeading && status.leader == sid) {
    const auto [leader, first] = leaders_.try_emplace(status.epoch, sid);
    if (leader->second != sid) {
      return Violate("INV-2 leadership", who + " and " + ToString(leader->second) + " lead epoch " +
                                             std::to_string(status.epoch));
    }
  }
  if (const auto& before = server.status) {
    if (status.epoch < before->epoch && status.leader && before->leader) {
      return Violate("INV-1 epoch monotony", who + ": the epoch falls");
    }
    if (status.last_committed < before->last_committed) {
      return Violate("INV-1 commit monotony", who + ": committed falls from " +
                                                  ToString(before->last_committed) + " to " +
                                                  ToString(status.last_committed));
    }
    if (status.last_applied < before->last_applied) {
      return Violate("INV-11 total order", who + ": applied falls");
    }
  }
  if (status.last_applied > status.last_committed) {
    return Violate("INV-18 apply what is committed", who);
  }
  server.status = status;
}

// --- calls ----------------------------------------------------------------------------------

void InvariantChecker::OnProposed(uint64_t call, ServerId, std::string_view command) {
  calls_[call].command = command;
}

void InvariantChecker::OnReadAsked(uint64_t call, ServerId) {
  calls_[call] = {.is_read = true, .floor = completed_};
}

void InvariantChecker::OnDone(uint64_t number, const absl::StatusOr<Reply>& result) {
  Call& call = calls_[number];
  const std::string who = "call " + std::to_string(number);
  if (std::exchange(call.done, true)) return Violate("each call once", who + " ends twice");
  if (call.is_read) {
    if (result.ok() && result->zxid < call.floor) {
      Violate("INV-26 linearizable reads", who + " reflects " + ToString(result->zxid) + ", but " +
                                               ToString(call.floor) + " was completed before it");
    }
    return;
  }
  if (result.ok()) {
    const auto applied = commands_.find(result->zxid);
    if (applied == commands_.end() || applied->second != call.command) {
      return Violate("outcome",
                     who + " is told " + ToString(result->zxid) + ", which is not its command");
    }
    completed_ = std::max(completed_, result->zxid);
  } else if (GetErrorInfo(result.status()).outcome == Outcome::kNotCommitted) {
    if (applied_commands_.contains(call.command)) {
      return Violate("outcome", who + " is committed, and told: " + result.status().ToString());
    }
    not_committed_.insert(call.command);
  }
}

// --- log files ------------------------------------------------------------------------------

// Hears what a mirror reads, on behalf of one server.
class InvariantChecker::Reading final : public DiskMirror::Reader {
 public:
  Reading(InvariantChecker* checker, ServerId sid) : checker_(*checker), sid_(sid) {}
  void OnTxn(const LogState& before, const Txn& txn) override {
    checker_.Logged(sid_, before, txn);
  }
  void OnState(const LogState& before, const HardState& state) override {
    checker_.Stored(sid_, before, state);
  }
  void OnTruncate(const LogState& before, Zxid after) override {
    checker_.Truncated(sid_, before, after);
  }
  void OnBase(const LogState& before, Zxid base) override { checker_.Rebased(sid_, before, base); }

 private:
  InvariantChecker& checker_;
  const ServerId sid_;
};

void InvariantChecker::OnDisk(ServerId sid, const MemoryFileSystem::Operation& operation) {
  Server& server = at(sid);
  if (server.damaged) return;
  Reading reading(this, sid);
  server.disk.OnOperation(operation, &reading);
}

void InvariantChecker::Logged(ServerId sid, const LogState& before, const Txn& txn) {
  const std::string who = "server " + ToString(sid) + " logs " + ToString(txn.zxid);
  const bool next = txn.zxid.epoch == before.last.epoch
                        ? txn.zxid.counter == before.last.counter + 1
                        : txn.zxid.epoch > before.last.epoch && txn.zxid.counter == 1;
  if (txn.prev != before.last || !next) {
    return Violate("INV-8 contiguity", who + " behind " + ToString(before.last));
  }
  Proposed(sid, txn);
}

// The first who is seen with a transaction is the leader of its epoch, and a quorum
// has taken that epoch.
void InvariantChecker::Proposed(ServerId by, const Txn& txn) {
  const std::string who = "server " + ToString(by) + " has " + ToString(txn.zxid);
  if (!histories_.Knows(txn.zxid)) {
    const auto leader = leaders_.find(txn.zxid.epoch);
    if (leader == leaders_.end() ? !AnyDamaged() : leader->second != by) {
      return Violate("INV-5 integrity", who + " first, and does not lead that epoch");
    }
    if (proposing_.insert(txn.zxid.epoch).second) {
      if (!Established(txn.zxid.epoch)) {
        return Violate("INV-5 integrity", who + " before its epoch is established");
      }
      const Zxid earlier = histories_.Below(txn.zxid.epoch, committed_);
      if (!histories_.Contains(earlier, txn.prev)) {
        return Violate(
            "INV-14 primary integrity",
            who + " behind " + ToString(txn.prev) + ", without the committed " + ToString(earlier));
      }
    }
  }
  if (const auto wrong = histories_.Add(txn)) {
    const size_t colon = wrong->find(':');
    Violate(wrong->substr(0, colon), who + wrong->substr(colon));
  }
}

void InvariantChecker::Stored(ServerId sid, const LogState& before, const HardState& state) {
  Server& server = at(sid);
  const HardState& old = before.state;
  const std::string who = "server " + ToString(sid);
  if (std::exchange(server.fresh, false) && old.boot != 0) {
    HardState expected = old;
    expected.boot = state.boot;
    if (!(expected == state)) {
      return Violate("recovery", who + " starts with another hard state than its disk has");
    }
    if (state.boot <= old.boot) return Violate("recovery", who + " repeats a boot id");
  }
  if (state.accepted.epoch < old.accepted.epoch || state.current < old.current ||
      state.accepted.epoch < state.current) {
    return Violate("INV-1 epoch monotony", who + " stores accepted " +
                                               std::to_string(state.accepted.epoch) + ", current " +
                                               std::to_string(state.current));
  }
  if (state.current > old.current) {
    Took(sid, before, state.current, state.accepted.leader == sid);
  }
}

void InvariantChecker::Took(ServerId sid, const LogState& before, Epoch epoch, bool leads) {
  const std::string who = "server " + ToString(sid) + " takes epoch " + std::to_string(epoch);
  at(sid).took.insert(epoch);
  if (leads) {
    const auto [leader, first] = leaders_.try_emplace(epoch, sid);
    if (leader->second != sid) {
      return Violate("INV-2 leadership",
                     who + " as its leader, as did " + ToString(leader->second));
    }
    initial_[epoch] = before.last;
  }
  const auto initial = initial_.find(epoch);
  if (initial == initial_.end()) {
    if (AnyDamaged()) return;  // its leader's disk cannot be read any more
    return Violate("INV-9 initial history", who + " before its leader has");
  }
  if (!histories_.Contains(initial->second, before.last)) {
    Violate("INV-9 initial history",
            who + " with " + ToString(before.last) + ", without " + ToString(initial->second));
  }
}

void InvariantChecker::Truncated(ServerId sid, const LogState& before, Zxid after) {
  const Zxid held = histories_.Shared(committed_, before.last);
  if (after < held) {
    return Violate("INV-19 no committed truncation",
                   "server " + ToString(sid) + " cuts behind " + ToString(after) +
                       ", and holds the committed " + ToString(held));
  }
  const auto initial = initial_.find(before.state.current);
  if (initial != initial_.end() && Established(before.state.current) &&
      !histories_.Contains(initial->second, after)) {
    Violate("INV-9 initial history",
            "server " + ToString(sid) + " cuts the initial history of its epoch");
  }
}

void InvariantChecker::Rebased(ServerId sid, const LogState& before, Zxid base) {
  const std::string who = "server " + ToString(sid) + " installs the snapshot " + ToString(base);
  if (!histories_.Contains(base, committed_)) {
    return Violate("INV-18 snapshots are committed", who);
  }
  if (base < histories_.Shared(committed_, before.last)) {
    Violate("INV-19 no committed truncation", who + " in place of " + ToString(before.last));
  }
}

// --- messages -------------------------------------------------------------------------------

void InvariantChecker::OnSent(const Route& route, const Carried& carried) {
  if (carried.message == nullptr || violation_) return;
  const Session& session = carried.message->session;
  const auto* const end = std::get_if<SessionEnd>(&carried.message->body);
  if (session.number != 0 && end == nullptr) CheckSessionStaysOnItsLink(route, *carried.message);
  std::visit([&](const auto& body) { Sent(route, session, body); }, carried.message->body);
}

// INV-23 asks that what is delivered of a session is a beginning of what was sent. A
// link keeps that promise, so a session that stays on its link has it.
void InvariantChecker::CheckSessionStaysOnItsLink(const Route& route, const Message& message) {
  const auto& body = message.body;
  const bool by_learner =
      std::holds_alternative<FollowerInfo>(body) || std::holds_alternative<AckEpoch>(body) ||
      std::holds_alternative<Ack>(body) || std::holds_alternative<Request>(body) ||
      std::holds_alternative<ReadIndex>(body) || std::holds_alternative<Pong>(body);
  const auto key = by_learner ? std::tuple(route.from, route.from_boot, message.session.number)
                              : std::tuple(route.to, route.to_boot, message.session.number);
  const auto [link, first] = session_links_.try_emplace(key, route.link);
  if (link->second == route.link) return;
  Violate("INV-23 session on one link", ToString(message) + " of server " + ToString(route.from) +
                                            " belongs to a session of an earlier link");
}

void InvariantChecker::Sent(const Route& route, const Session& session, const AckEpoch& ack) {
  const Server& server = at(route.from);
  if (server.damaged) return;
  const HardState& durable = server.disk.durable().state;
  const std::string who = "server " + ToString(route.from) + " promises epoch " +
                          std::to_string(session.epoch) + " to server " + ToString(route.to);
  if (server.wiped && ack.current) return Violate("amnesia", who + " on an empty disk");
  if (durable.accepted.epoch < session.epoch) return Violate("INV-4 durable before send", who);
  if (durable.accepted.epoch > session.epoch) {
    return Violate("INV-3 promise", who + ", having promised a later one");
  }
  if (!histories_.Contains(ack.last, server.disk.durable().last)) {
    return Violate("INV-4 durable before send", who + " with a history that is not durable");
  }
  // Once a leader has completed the quorum of an epoch nobody else can, and the promise
  // may move to it (PROTOCOL §6.3).
  const auto completed = leaders_.find(session.epoch);
  if (!ack.current || (completed != leaders_.end() && completed->second == route.to)) return;
  const std::pair to(route.to, route.to_boot);
  const auto [given, first] = promised_.try_emplace({route.from, durable.disk, session.epoch}, to);
  if (given->second != to) Violate("INV-3 promise", who + ", and to another before");
}

void InvariantChecker::Sent(const Route& route, const Session& session, const NewLeader& accepted) {
  const Term term(route.from, route.from_boot, session.epoch);
  accepted_last_[{term, route.to}] = accepted.last;
}

void InvariantChecker::Sent(const Route& route, const Session& session, const Ack& ack) {
  const Server& server = at(route.from);
  if (server.damaged) return;
  const LogState& durable = server.disk.durable();
  const std::string who = "server " + ToString(route.from) + " acknowledges " + ToString(ack.zxid);
  if (server.wiped) return Violate("amnesia", who + " on an empty disk");
  if (ack.zxid.counter != 0) {
    if (!histories_.Contains(ack.zxid, durable.last)) {
      Violate("INV-4 durable before send", who + ", durable are " + ToString(durable.last));
    }
    return;
  }
  if (durable.state.current < ack.zxid.epoch) {
    return Violate("INV-4 durable before send", who + " before its epoch is durable");
  }
  const Term term(route.to, route.to_boot, session.epoch);
  const auto told = accepted_last_.find({term, route.from});
  if (told == accepted_last_.end() || !histories_.Contains(told->second, durable.last)) {
    Violate("INV-24 sync check", who + " without what its leader has sent");
  }
}

void InvariantChecker::Sent(const Route& route, const Session&, const Proposal& proposal) {
  for (const Txn& txn : proposal.txns) Proposed(route.from, txn);
}

void InvariantChecker::Sent(const Route& route, const Session& session, const Commit& commit) {
  CheckCommitRule(route, session.epoch, commit.zxid);
}
void InvariantChecker::Sent(const Route& route, const Session& session,
                            const UpToDate& up_to_date) {
  CheckCommitRule(route, session.epoch, up_to_date.commit);
}

// A leader says that something is committed: a quorum has told it so, its own disk
// counted when it has it.
void InvariantChecker::CheckCommitRule(const Route& route, Epoch epoch, Zxid commit) {
  const Term term(route.from, route.from_boot, epoch);
  const std::string how =
      "by server " + ToString(route.from) + " in epoch " + std::to_string(epoch);
  const bool counted = IsQuorum([&](ServerId sid, const Server& server) {
    if (sid == route.from) {
      return server.damaged || histories_.Contains(commit, server.disk.durable().last);
    }
    const auto acked = acked_.find({term, sid});
    return acked != acked_.end() && acked->second >= commit;
  });
  if (!counted) return Violate("INV-17 commit rule", ToString(commit) + " is committed " + how);
  Committed(commit, how);
}

void InvariantChecker::OnDelivered(const Route& route, const Carried& carried) {
  if (carried.message == nullptr) return;
  const auto* ack = std::get_if<Ack>(&carried.message->body);
  if (ack == nullptr) return;
  const Term term(route.to, route.to_boot, carried.message->session.epoch);
  Zxid& acked = acked_[{term, route.from}];
  acked = std::max(acked, ack->zxid.counter != 0 ? ack->zxid : accepted_last_[{term, route.from}]);
}

}  // namespace zkq::testing
