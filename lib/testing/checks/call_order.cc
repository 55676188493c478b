#include "lib/testing/checks/call_order.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace zkq::testing {

// Those before it stand in their order, so the last of them is enough. Reconfigurations are
// outside of it.
std::optional<Violation> CallOrder::OnLogged(const Txn& txn, const Histories& histories) {
  if (txn.origin.sid == kNoServer || txn.kind != TxnKind::kCommand) return std::nullopt;
  std::map<Zxid, uint64_t>& calls = calls_[{txn.origin.sid, txn.origin.boot}];
  calls.emplace(txn.zxid, txn.origin.call);
  const auto before =
      std::find_if(std::make_reverse_iterator(calls.find(txn.zxid)), calls.rend(),
                   [&](const auto& one) { return histories.Contains(one.first, txn.zxid); });
  if (before == calls.rend() || before->second < txn.origin.call) return std::nullopt;
  return Violation{"INV-31 calls", ToString(txn.zxid) + " is call " +
                                       std::to_string(txn.origin.call) + " of server " +
                                       ToString(txn.origin.sid) + ", and follows " +
                                       ToString(before->first) + ", which is its call " +
                                       std::to_string(before->second)};
}

}  // namespace zkq::testing
