#include "lib/testing/checks/txn_rules.h"

#include <string>

namespace zkq::testing {

void TxnRules::Proposed(ServerId by, const Txn& txn) {
  const bool first = !ledger_.histories.Knows(txn.zxid);
  if (first) CheckFirst(by, txn);
  if (const auto wrong = ledger_.histories.Add(txn)) {
    const size_t colon = wrong->find(':');
    ledger_.Violate(wrong->substr(0, colon),
                    "server " + ToString(by) + " has " + ToString(txn.zxid) + wrong->substr(colon));
  } else if (first) {
    calls_.OnLogged(txn);
  }
}

// The first who is seen with a transaction is the leader of its epoch, and a quorum
// has taken that epoch.
void TxnRules::CheckFirst(ServerId by, const Txn& txn) {
  const std::string who = "server " + ToString(by) + " has " + ToString(txn.zxid);
  const auto leader = ledger_.leaders.find(txn.zxid.epoch);
  if (leader == ledger_.leaders.end() ? !ledger_.at(by).tainted : leader->second != by) {
    return ledger_.Violate("INV-5 integrity", who + " first, and does not lead that epoch");
  }
  if (!proposing_.insert(txn.zxid.epoch).second) return;
  if (!ledger_.MayBeEstablished(txn.zxid.epoch)) {
    return ledger_.Violate("INV-5 integrity", who + " before its epoch is established");
  }
  const Zxid earlier = ledger_.histories.Below(txn.zxid.epoch, ledger_.committed);
  if (ledger_.histories.Contains(earlier, txn.prev)) return;
  ledger_.Violate("INV-14 primary integrity", who + " after " + ToString(txn.prev) +
                                                  ", without the committed " + ToString(earlier));
}

}  // namespace zkq::testing
