// CallRules: what becomes of calls, and what their callers are told: each is at most once in a
// history, in the order of its server's calls, and in none once its caller was told that it is not
// committed (INV-31); honest outcomes, each once; and reads that a quorum has confirmed (INV-26).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string_view>

#include "lib/testing/checks/call_order.h"
#include "lib/testing/checks/ledger.h"

namespace zkq::testing {

class CallRules {
 public:
  explicit CallRules(Ledger* ledger) : ledger_(*ledger) {}

  void OnProposed(uint64_t call, std::string_view command) {
    ledger_.calls.OnProposed(call, command);
  }
  // The first time that this transaction is seen; the histories know it.
  void OnLogged(const Txn& txn);
  void OnReadAsked(uint64_t call);
  void OnDone(uint64_t call, const absl::StatusOr<Reply>& result);
  void OnEnd() { ledger_.Keep(ledger_.calls.OnEnd()); }

 private:
  bool Confirms(Zxid since, const std::set<MemberId>& members) const;
  void CheckConfirmed(uint64_t call);
  void CheckDead(std::string_view command);

  Ledger& ledger_;
  CallOrder order_;
  std::map<uint64_t, Zxid> asked_under_;  // the configuration, by call
};

}  // namespace zkq::testing
