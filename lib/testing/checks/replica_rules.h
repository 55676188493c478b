// ReplicaRules: what a state machine is given, and what a replica says of itself (INV-2, 4, 10 to
// 13, 17 and 18; damage is noticed, no halt without cause).
#pragma once

#include <string_view>

#include "lib/testing/checks/commit_rules.h"
#include "lib/testing/checks/ledger.h"

namespace zkq::testing {

class ReplicaRules {
 public:
  ReplicaRules(Ledger* ledger, CommitRules* commits) : ledger_(*ledger), commits_(*commits) {}

  void OnApplied(ServerId sid, const Transaction& txn, std::string_view reply);
  void OnRestored(ServerId sid, Zxid applied);
  void OnStatus(ServerId sid, const ReplicaStatus& status);

 private:
  void CheckMembership(ServerId sid, const ReplicaStatus& status);
  void CheckEstablished(ServerId sid, const ReplicaStatus& status);
  void LearnFromSnapshot(ServerId sid, const ReplicaStatus& status);
  void CheckDamageNoticed(ServerId sid, const ReplicaStatus& status);
  void CheckStatusAgainstDisk(ServerId sid, const ReplicaStatus& status);

  Ledger& ledger_;
  CommitRules& commits_;
};

}  // namespace zkq::testing
