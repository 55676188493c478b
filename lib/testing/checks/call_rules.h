// CallRules: what callers are told: honest outcomes, each once, and reads that a quorum has
// confirmed (INV-26).
#pragma once

#include <string_view>

#include "lib/testing/checks/ledger.h"

namespace zkq::testing {

class CallRules {
 public:
  explicit CallRules(Ledger* ledger) : ledger_(*ledger) {}

  void OnProposed(uint64_t call, std::string_view command) {
    ledger_.calls.OnProposed(call, command);
  }
  void OnReadAsked(uint64_t call);
  void OnDone(uint64_t call, const absl::StatusOr<Reply>& result);
  void OnEnd() { ledger_.Keep(ledger_.calls.OnEnd()); }

 private:
  void CheckConfirmed(uint64_t call);
  void CheckDead(uint64_t call);
  bool IsDead(Zxid zxid) const;

  Ledger& ledger_;
};

}  // namespace zkq::testing
