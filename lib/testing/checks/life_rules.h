// LifeRules: a server starts whatever a crash leaves (LIV-3). Notes what the ends of a life and the
// faults of a disk do to what is known of a server.
#pragma once

#include "lib/testing/checks/commit_rules.h"
#include "lib/testing/checks/ledger.h"

namespace zkq::testing {

class LifeRules {
 public:
  LifeRules(Ledger* ledger, CommitRules* commits) : ledger_(*ledger), commits_(*commits) {}

  void OnStarting(ServerId sid);
  void OnStarted(ServerId sid, const absl::Status& status);
  void OnCrashed(ServerId sid, const MemoryFileSystem& disk);
  void OnWiped(ServerId sid);
  void OnDamaged(ServerId sid);
  void OnExcused(ServerId sid) { ledger_.at(sid).excused = true; }
  void OnExcuseEnds(ServerId sid);

 private:
  Ledger& ledger_;
  CommitRules& commits_;
};

}  // namespace zkq::testing
