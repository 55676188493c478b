// CommitRules: what is committed is one history (INV-10), held by a quorum (INV-15), and in the
// initial history of every later epoch (INV-16).
#pragma once

#include <string>

#include "lib/testing/checks/ledger.h"

namespace zkq::testing {

class CommitRules {
 public:
  explicit CommitRules(Ledger* ledger) : ledger_(*ledger) {}

  // `zxid` is said to be committed, by `how`.
  void SaidCommitted(Zxid zxid, const std::string& how);
  // It has newly become durable at some server that it has taken `epoch`.
  void SawDurable(Epoch epoch);
  // More is durable at this leader, or was acknowledged to it.
  void LearnCommitted(ServerId leader);
  void OnEnd() { CheckHeldByQuorum(ledger_.committed, "the newest"); }

 private:
  void CheckHeldByQuorum(Zxid zxid, const std::string& how);

  Ledger& ledger_;
};

}  // namespace zkq::testing
