#include "lib/testing/checks/replica_rules.h"

#include <string>
#include <utility>

#include "lib/testing/checks/status_steps.h"

namespace zkq::testing {

// --- the state machine -----------------------------------------------------------------

void ReplicaRules::OnApplied(ServerId sid, const Transaction& txn, std::string_view reply) {
  Ledger::Server& server = ledger_.at(sid);
  const std::string who = "server " + ToString(sid) + " applies " + ToString(txn.zxid);
  if (!ledger_.histories.Knows(txn.zxid)) {
    return ledger_.Violate("INV-5 integrity", who + ", which nobody made");
  }
  const Zxid before = ledger_.histories.Before(txn.zxid);
  if (server.applied && !ledger_.histories.Alike(*server.applied, before)) {
    const bool falls = server.applied->epoch > txn.zxid.epoch;
    const bool within = server.applied->epoch == txn.zxid.epoch;
    return ledger_.Violate(
        falls    ? "INV-13 global primary order"
        : within ? "INV-12 local primary order"
                 : "INV-11 total order",
        who + " after " + ToString(*server.applied) + ", but it comes after " + ToString(before));
  }
  server.applied = txn.zxid;
  server.machine = true;
  if (!server.damaged && !ledger_.histories.Contains(txn.zxid, server.disk.durable().last)) {
    return ledger_.Violate("INV-18 apply what is durable",
                           who + ", durable are " + ToString(server.disk.durable().last));
  }
  if (!ledger_.MayKnowCommitted(sid, txn.zxid)) {
    return ledger_.Violate("INV-18 apply what is committed",
                           who + ", and was told " + ToString(server.told_committed));
  }
  commits_.SaidCommitted(txn.zxid, "applied by server " + ToString(sid));
  ledger_.Keep(ledger_.calls.OnApplied(sid, txn, reply));
}

void ReplicaRules::OnRestored(ServerId sid, Zxid applied) {
  Ledger::Server& server = ledger_.at(sid);
  server.applied = applied;
  server.machine = true;
  if (ledger_.histories.Contains(applied, ledger_.committed)) return;
  ledger_.Violate("INV-18 snapshots are committed",
                  "server " + ToString(sid) + " restores the state after " + ToString(applied));
}

// --- statuses --------------------------------------------------------------------------

void ReplicaRules::OnStatus(ServerId sid, const ReplicaStatus& status) {
  Ledger::Server& server = ledger_.at(sid);
  const std::string who = "server " + ToString(sid);
  if (status.halted && !server.excused && !server.damaged) {
    return ledger_.Violate("no halt without cause", who + ": " + status.health.ToString());
  }
  CheckMembership(sid, status);
  if (!server.applied) server.applied = status.last_applied;
  if (server.machine && ledger_.histories.Command(status.last_applied) > *server.applied) {
    return ledger_.Violate("INV-11 total order",
                           who + " says it has applied " + ToString(status.last_applied) +
                               ", its state machine " + ToString(*server.applied));
  }
  ledger_.Keep(CheckStatus(status));
  if (server.status) ledger_.Keep(CheckStep(*server.status, status));
  if (status.leader) CheckEstablished(sid, status);
  LearnFromSnapshot(sid, status);
  if (!server.damaged) CheckStatusAgainstDisk(sid, status);
  CheckDamageNoticed(sid, status);
  server.status = status;
}

// It is one that is committed, and not older than what the server has applied. Before a server has
// been told the first it shows the list that it was started with, and that nobody agreed on it.
void ReplicaRules::CheckMembership(ServerId sid, const ReplicaStatus& status) {
  const Ledger::Server& server = ledger_.at(sid);
  if (server.disk.written().state.config.members.empty() || server.damaged) return;
  const auto violate = [&](std::string_view property, const std::string& but) {
    ledger_.Violate(property, "server " + ToString(sid) + " says the configuration is " +
                                  ToString(status.membership) + but);
  };
  const Membership* const known = ledger_.configurations.Find(status.membership.version);
  const Zxid applied = ledger_.configurations.In(status.last_applied, ledger_.histories);
  const bool committed =
      known != nullptr && *known == status.membership && ledger_.IsCommitted(known->version);
  if (status.membership.version == kNotAgreed && status.last_applied == Zxid{}) return;
  if (!committed) {
    violate("INV-20 config", ", which is not committed");
  } else if (status.membership.version < applied) {
    violate("INV-21 config follows log", ", and has applied " + ToString(applied));
  }
}

// Nobody has a leader, or is one, without having been brought up by it.
void ReplicaRules::CheckEstablished(ServerId sid, const ReplicaStatus& status) {
  const Ledger::Server& server = ledger_.at(sid);
  const std::string who = "server " + ToString(sid);
  if (status.state == PeerState::kLeading) {
    if (!server.damaged && !ledger_.configurations.EverVoter({status.id, server.id()})) {
      return ledger_.Violate("amnesia", who + " leads, and no configuration lists its disk");
    }
    const auto [leader, first] = ledger_.leaders.try_emplace(status.epoch, sid);
    if (leader->second != sid) {
      return ledger_.Violate("INV-2 leadership", who + " and " + ToString(leader->second) +
                                                     " lead epoch " + std::to_string(status.epoch));
    }
    if (server.damaged || ledger_.MayBeEstablished(status.epoch)) return;
    return ledger_.Violate(
        "INV-2 leadership",
        who + " leads epoch " + std::to_string(status.epoch) + ", which no quorum has taken");
  }
  if (server.told_up_to_date == status.epoch) return;
  ledger_.Violate("synchronised before established", who + " follows in epoch " +
                                                         std::to_string(status.epoch) +
                                                         ", and was told to be up to date in " +
                                                         std::to_string(server.told_up_to_date));
}

// What is in a snapshot is committed; a state machine with a disk of its own may have begun
// before it.
void ReplicaRules::LearnFromSnapshot(ServerId sid, const ReplicaStatus& status) {
  Ledger::Server& server = ledger_.at(sid);
  if (status.last_snapshot <= server.told_committed) return;
  server.told_committed = status.last_snapshot;
  if (server.damaged || ledger_.histories.Contains(status.last_snapshot, ledger_.committed)) return;
  ledger_.Violate("INV-18 snapshots are committed",
                  "server " + ToString(sid) + " has one after " + ToString(status.last_snapshot));
}

// A damaged server may refuse to start, or start with all that was durable; but not
// without knowing what it lacks.
void ReplicaRules::CheckDamageNoticed(ServerId sid, const ReplicaStatus& status) {
  Ledger::Server& server = ledger_.at(sid);
  if (server.status) return;  // it had read its disk before
  const Zxid had = std::exchange(server.had, {});
  if (had == Zxid{} || ledger_.histories.Contains(had, status.last_logged)) return;
  ledger_.Violate("damage is noticed", "server " + ToString(sid) + " starts with " +
                                           ToString(status.last_logged) + ", and had " +
                                           ToString(had) + " before its disk was damaged");
}

void ReplicaRules::CheckStatusAgainstDisk(ServerId sid, const ReplicaStatus& status) {
  const Ledger::Server& server = ledger_.at(sid);
  const std::string who = "server " + ToString(sid);
  const Zxid durable = server.disk.durable().last;
  if (!ledger_.histories.Contains(status.last_logged, durable)) {
    return ledger_.Violate("INV-4 durable before send", who + " says it has logged " +
                                                            ToString(status.last_logged) +
                                                            ", durable are " + ToString(durable));
  }
  if (!server.status && !server.log_changed && status.last_logged != durable) {
    return ledger_.Violate("recovery", who + " starts with " + ToString(status.last_logged) +
                                           ", and its disk has " + ToString(durable));
  }
  const Zxid committed = status.last_committed;
  if (committed > status.last_applied && !ledger_.MayKnowCommitted(sid, committed)) {
    return ledger_.Violate("INV-17 commit rule", who + " calls " + ToString(committed) +
                                                     " committed, and was told " +
                                                     ToString(server.told_committed));
  }
  commits_.SaidCommitted(committed, "said by server " + ToString(sid));
}

}  // namespace zkq::testing
