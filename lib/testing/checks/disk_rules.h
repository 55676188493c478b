// DiskRules: what servers write to their logs, held against what may be written there.
#pragma once

#include "lib/testing/checks/commit_rules.h"
#include "lib/testing/checks/epoch_rules.h"
#include "lib/testing/checks/ledger.h"
#include "lib/testing/checks/txn_rules.h"

namespace zkq::testing {

class DiskRules {
 public:
  DiskRules(Ledger* ledger, CommitRules* commits, EpochRules* epochs, TxnRules* txns)
      : ledger_(*ledger), commits_(*commits), epochs_(*epochs), txns_(*txns) {}

  void OnDisk(ServerId sid, const MemoryFileSystem::Operation& operation);

 private:
  class Reading;
  void Logged(ServerId sid, const LogState& before, const Txn& txn);
  void Stored(ServerId sid, const LogState& before, const HardState& state);
  void Configured(ServerId sid, const HardState& old, const HardState& state);
  bool MayFound(ServerId sid, const HardState& state) const;
  void CheckRecovered(ServerId sid, const HardState& old, const HardState& state);
  void Truncated(ServerId sid, const LogState& before, Zxid after);
  bool CountsNotAfter(ServerId sid, Zxid after) const;
  void Rebased(ServerId sid, const LogState& before, Zxid base);
  void Began(ServerId sid, const LogState& before, const SegmentStart& start, Zxid commit);

  Ledger& ledger_;
  CommitRules& commits_;
  EpochRules& epochs_;
  TxnRules& txns_;
};

}  // namespace zkq::testing
