// TxnRules: only the leader of an established epoch makes transactions of it, after all that was
// committed before, and each has one name and one place (INV-5, 6, 7 and 14).
#pragma once

#include <set>
#include <string>

#include "lib/testing/checks/call_rules.h"
#include "lib/testing/checks/change_rules.h"
#include "lib/testing/checks/ledger.h"

namespace zkq::testing {

class TxnRules {
 public:
  TxnRules(Ledger* ledger, CallRules* calls, ChangeRules* changes)
      : ledger_(*ledger), calls_(*calls), changes_(*changes) {}

  // It was seen with this transaction: in its log, or in what it sends.
  void Proposed(ServerId by, const Txn& txn);

 private:
  void CheckFirst(ServerId by, const Txn& txn);
  void CheckConfigured(const std::string& who, const Txn& txn);

  Ledger& ledger_;
  CallRules& calls_;
  ChangeRules& changes_;
  std::set<Epoch> proposing_;  // epochs that have a transaction of their own
};

}  // namespace zkq::testing
