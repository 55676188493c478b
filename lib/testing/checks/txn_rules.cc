#include "lib/testing/checks/txn_rules.h"

#include <string>

#include "lib/wire/disk.h"

namespace zkq::testing {

void TxnRules::Proposed(ServerId by, const Txn& txn) {
  const bool first = !ledger_.histories.Knows(txn.zxid);
  if (first) CheckFirst(by, txn);
  if (const auto wrong = ledger_.histories.Add(txn)) {
    const size_t colon = wrong->find(':');
    ledger_.Violate(wrong->substr(0, colon),
                    "server " + ToString(by) + " has " + ToString(txn.zxid) + wrong->substr(colon));
  } else if (first) {
    if (txn.kind == TxnKind::kReconfig) ledger_.configurations.Add(txn);
    calls_.OnLogged(txn);
    changes_.OnLogged(txn);
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
  CheckConfigured(who, txn);
  if (!proposing_.insert(txn.zxid.epoch).second) return;
  if (!ledger_.MayBeEstablished(txn.zxid.epoch)) {
    return ledger_.Violate("INV-5 integrity", who + " before its epoch is established");
  }
  const Zxid earlier = ledger_.histories.Below(txn.zxid.epoch, ledger_.committed);
  if (ledger_.histories.Contains(earlier, txn.prev)) return;
  ledger_.Violate("INV-14 primary integrity", who + " after " + ToString(txn.prev) +
                                                  ", without the committed " + ToString(earlier));
}

// A configuration is proposed once the one before it is committed and a quorum knows so; and only
// who knows it committed says that (PROTOCOL §10.1, §10.3).
void TxnRules::CheckConfigured(const std::string& who, const Txn& txn) {
  const Zxid present = ledger_.configurations.In(txn.prev, ledger_.histories);
  if (txn.kind == TxnKind::kReconfig) {
    if (!ledger_.IsCommitted(present) ||
        (present.counter != 0 && !ledger_.settling.contains(present))) {
      ledger_.Violate("INV-20 config",
                      who + ", a configuration, while " + ToString(present) + " is not settled");
    }
  } else if (txn.kind == TxnKind::kNoop && !txn.command.view().empty()) {
    const Zxid version = DecodeZxid(txn.command.view()).value_or(Zxid{});
    if (version != present || !ledger_.IsCommitted(version)) {
      return ledger_.Violate("INV-20 config", who + ", which settles " + ToString(version) +
                                                  ", and that is not committed");
    }
    ledger_.settling[version].insert(txn.zxid);
  }
}

}  // namespace zkq::testing
