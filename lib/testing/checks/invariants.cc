#include "lib/testing/checks/invariants.h"

#include <algorithm>
#include <utility>

#include "lib/testing/checks/invariants_quorum.h"
#include "lib/testing/checks/status_steps.h"

namespace zkq::testing {

InvariantChecker::InvariantChecker(std::set<ServerId> voters) : voters_(std::move(voters)) {
  for (const ServerId sid : voters_) servers_[sid];
}

void InvariantChecker::Violate(std::string_view property, std::string what) {
  if (!violation_) violation_ = Violation{std::string(property), std::move(what)};
}

void InvariantChecker::Keep(std::optional<Violation> violation) {
  if (!violation_) violation_ = std::move(violation);
}

// --- what is committed ----------------------------------------------------------------

void InvariantChecker::Committed(Zxid zxid, const std::string& how) {
  if (zxid == Zxid{} || violation_ || histories_.Contains(zxid, committed_)) return;
  if (!histories_.Contains(committed_, zxid)) {
    return Violate("INV-10 agreement", ToString(zxid) + ", " + how + ", and " +
                                           ToString(committed_) + " are both committed");
  }
  for (auto epoch = established_.upper_bound(zxid.epoch); epoch != established_.end(); ++epoch) {
    const auto initial = initial_.find(*epoch);
    if (initial == initial_.end() || histories_.Contains(zxid, initial->second)) continue;
    return Violate("INV-16 leader completeness",
                   ToString(zxid) + ", " + how + ", is not in the initial history of epoch " +
                       std::to_string(*epoch) + ", which ends with " + ToString(initial->second));
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

// A quorum has taken just this epoch, durably: a later one says nothing of it. A lost
// disk may have been among them.
bool InvariantChecker::MayBeEstablished(Epoch epoch) const {
  return established_.contains(epoch) || IsQuorum([&](ServerId, const Server& server) {
           return server.lost ||
                  (server.took.contains(epoch) && server.disk.durable().state.current >= epoch);
         });
}

// A leader knows it by what it was told, everybody else by a leader or by its own log.
bool InvariantChecker::MayKnowCommitted(ServerId sid, Zxid zxid) const {
  const Server& server = servers_.at(sid);
  if (zxid == Zxid{} || server.damaged || histories_.Contains(zxid, server.told_committed)) {
    return true;
  }
  const HardState& state = server.disk.durable().state;
  return Counted({sid, state.boot, state.current}, zxid);
}

void InvariantChecker::OnEnd() {
  CheckHeldByQuorum(committed_, "the newest");
  Keep(calls_.OnEnd());
}

// --- lives ------------------------------------------------------------------------------

void InvariantChecker::OnStarting(ServerId sid) {
  Server& server = at(sid);
  server.fresh = true;
  server.log_changed = false;
  server.applied.reset();
  server.machine = false;
  server.told_committed = server.disk.written().hint;
  server.told_up_to_date = 0;
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
  order_.OnCrashed(sid);
  const Epoch before = server.disk.durable().state.current;
  server.disk.OnCrash(disk);
  server.took.erase(server.took.upper_bound(server.disk.written().state.current),
                    server.took.end());
  const Epoch after = server.disk.durable().state.current;
  if (after != before) SawDurable(after);
}

void InvariantChecker::OnWiped(ServerId sid) {
  Server& server = at(sid);
  const bool founded = std::any_of(servers_.begin(), servers_.end(), [](const auto& one) {
    return one.second.disk.written().state.ensemble != EnsembleId{};
  });
  server.disk.OnWiped();
  server.took.clear();
  server.damaged = false;  // it is a good one, and empty
  server.had = {};
  if (founded) server.lost = server.wiped = true;
}

void InvariantChecker::OnExcused(ServerId sid, std::string_view) { at(sid).excused = true; }

// A server that has halted meanwhile stays excused.
void InvariantChecker::OnExcuseEnds(ServerId sid) {
  Server& server = at(sid);
  if (server.status && server.status->health.ok()) server.excused = false;
}

void InvariantChecker::OnDamaged(ServerId sid) {
  Server& server = at(sid);
  if (!server.lost) server.had = server.disk.durable().last;
  server.lost = server.damaged = server.tainted = true;
}

// --- the state machine --------------------------------------------------------------------

void InvariantChecker::OnApplied(ServerId sid, const Transaction& txn, std::string_view reply) {
  Server& server = at(sid);
  const std::string who = "server " + ToString(sid) + " applies " + ToString(txn.zxid);
  if (!histories_.Knows(txn.zxid)) return Violate("INV-5 integrity", who + ", which nobody made");
  const Zxid before = histories_.Before(txn.zxid);
  if (server.applied && *server.applied != before) {
    const bool falls = server.applied->epoch > txn.zxid.epoch;
    const bool within = server.applied->epoch == txn.zxid.epoch;
    return Violate(
        falls    ? "INV-13 global primary order"
        : within ? "INV-12 local primary order"
                 : "INV-11 total order",
        who + " after " + ToString(*server.applied) + ", but it comes after " + ToString(before));
  }
  server.applied = txn.zxid;
  server.machine = true;
  if (!server.damaged && !histories_.Contains(txn.zxid, server.disk.durable().last)) {
    return Violate("INV-18 apply what is durable",
                   who + ", durable are " + ToString(server.disk.durable().last));
  }
  if (!MayKnowCommitted(sid, txn.zxid)) {
    return Violate("INV-18 apply what is committed",
                   who + ", and was told " + ToString(server.told_committed));
  }
  Committed(txn.zxid, "applied by server " + ToString(sid));
  Keep(calls_.OnApplied(sid, txn, reply));
}

void InvariantChecker::OnRestored(ServerId sid, Zxid applied) {
  Server& server = at(sid);
  server.applied = applied;
  server.machine = true;
  if (histories_.Contains(applied, committed_)) return;
  Violate("INV-18 snapshots are committed",
          "server " + ToString(sid) + " restores the state after " + ToString(applied));
}

// --- statuses -----------------------------------------------------------------------------

void InvariantChecker::OnStatus(ServerId sid, const ReplicaStatus& status) {
  Server& server = at(sid);
  const std::string who = "server " + ToString(sid);
  if (!status.health.ok() && !server.excused && !server.damaged && !status.amnesic) {
    return Violate("no halt without cause", who + ": " + status.health.ToString());
  }
  if (!server.applied) server.applied = status.last_applied;
  if (server.machine && status.last_applied > *server.applied) {
    return Violate("INV-11 total order", who + " says it has applied " +
                                             ToString(status.last_applied) +
                                             ", its state machine " + ToString(*server.applied));
  }
  Keep(CheckStatus(status));
  if (server.status) Keep(CheckStep(*server.status, status));
  if (status.leader) CheckEstablished(server, status);
  if (!server.damaged) CheckStatusAgainstDisk(server, status);
  CheckDamageNoticed(&server, status);
  server.status = status;
}

// Nobody has a leader, or is one, without having been brought up by it.
void InvariantChecker::CheckEstablished(const Server& server, const ReplicaStatus& status) {
  const std::string who = "server " + ToString(status.id);
  if (server.wiped) return Violate("amnesia", who + " takes part on an empty disk");
  if (status.state == PeerState::kLeading) {
    const auto [leader, first] = leaders_.try_emplace(status.epoch, status.id);
    if (leader->second != status.id) {
      return Violate("INV-2 leadership", who + " and " + ToString(leader->second) + " lead epoch " +
                                             std::to_string(status.epoch));
    }
    if (server.damaged || MayBeEstablished(status.epoch)) return;
    return Violate("INV-2 leadership", who + " leads epoch " + std::to_string(status.epoch) +
                                           ", which no quorum has taken");
  }
  if (server.told_up_to_date == status.epoch) return;
  Violate("synchronised before established",
          who + " follows in epoch " + std::to_string(status.epoch) +
              ", and was told to be up to date in " + std::to_string(server.told_up_to_date));
}

// A damaged server may refuse to start, or start with all that was durable; but not
// without knowing what it lacks.
void InvariantChecker::CheckDamageNoticed(Server* server, const ReplicaStatus& status) {
  if (server->status) return;  // it had read its disk before
  const Zxid had = std::exchange(server->had, {});
  if (had == Zxid{} || histories_.Contains(had, status.last_logged)) return;
  Violate("damage is noticed", "server " + ToString(status.id) + " starts with " +
                                   ToString(status.last_logged) + ", and had " + ToString(had) +
                                   " before its disk was damaged");
}

void InvariantChecker::CheckStatusAgainstDisk(const Server& server, const ReplicaStatus& status) {
  const std::string who = "server " + ToString(status.id);
  const Zxid durable = server.disk.durable().last;
  if (!histories_.Contains(status.last_logged, durable)) {
    return Violate("INV-4 durable before send", who + " says it has logged " +
                                                    ToString(status.last_logged) +
                                                    ", durable are " + ToString(durable));
  }
  if (!server.status && !server.log_changed && status.last_logged != durable) {
    return Violate("recovery", who + " starts with " + ToString(status.last_logged) +
                                   ", and its disk has " + ToString(durable));
  }
  const Zxid committed = status.last_committed;
  if (committed > status.last_applied && !MayKnowCommitted(status.id, committed)) {
    return Violate("INV-17 commit rule", who + " calls " + ToString(committed) +
                                             " committed, and was told " +
                                             ToString(server.told_committed));
  }
  Committed(committed, "said by server " + ToString(status.id));
}

// --- calls ----------------------------------------------------------------------------------

void InvariantChecker::OnProposed(uint64_t call, ServerId, std::string_view command) {
  calls_.OnProposed(call, command);
}

void InvariantChecker::OnReadAsked(uint64_t call, ServerId) {
  (void)calls_.OnReadAsked(call);
  confirmations_.OnAsked(call);
}

void InvariantChecker::CheckConfirmed(uint64_t call) {
  if (voters_.size() == 1) return;
  for (const std::set<ServerId>& by : confirmations_.Of(call)) {
    if (IsQuorum([&](ServerId sid, const Server&) { return by.contains(sid); })) return;
  }
  Violate(
      "INV-26 linearizable reads",
      "call " + std::to_string(call) + " is answered, and no quorum has confirmed a leader since");
}

// Nothing outside the initial history of an established epoch is ever committed.
bool InvariantChecker::IsDead(Zxid zxid) const {
  return std::any_of(initial_.begin(), initial_.end(), [&](const auto& initial) {
    return initial.first > zxid.epoch && !histories_.Contains(zxid, initial.second) &&
           MayBeEstablished(initial.first);
  });
}

// Of a call that was just refused. Its command may have been proposed by others, too:
// each of those may have become one transaction.
void InvariantChecker::CheckDead(uint64_t call) {
  const bool unknown = std::any_of(servers_.begin(), servers_.end(),
                                   [](const auto& one) { return one.second.tainted; });
  if (unknown) return;  // an epoch may have begun with what nobody knows
  std::set<Zxid> alive = calls_.Logged(call);
  std::erase_if(alive, [&](Zxid zxid) { return IsDead(zxid); });
  if (alive.size() <= calls_.MayBecome(call)) return;
  Violate("outcome", "call " + std::to_string(call) + ", which is " + ToString(*alive.rbegin()) +
                         ", is told not to be committed, and may be yet");
}

void InvariantChecker::OnDone(uint64_t call, const absl::StatusOr<Reply>& result) {
  if (result.ok() && confirmations_.Waits(call)) CheckConfirmed(call);
  confirmations_.OnDone(call);
  Keep(calls_.OnDone(call, result));
  if (!result.ok() && GetErrorInfo(result.status()).outcome == Outcome::kNotCommitted) {
    CheckDead(call);
  }
}

}  // namespace zkq::testing
