// EpochRules: an epoch is promised to one leader, which takes it once a quorum has promised and
// with the newest history of those; who takes it later has that history (INV-2, 3, 9 and 16).
#pragma once

#include <map>
#include <tuple>
#include <utility>

#include "lib/testing/checks/ledger.h"

namespace zkq::testing {

class EpochRules {
 public:
  using Route = SimNetworkObserver::Route;
  explicit EpochRules(Ledger* ledger) : ledger_(*ledger) {}

  // It tells a leader that it has promised, and would have its own epoch counted.
  void CheckPromise(const Route& route, Epoch epoch);
  // `state` has a later currentEpoch than the log before it.
  void Took(ServerId sid, const LogState& before, const HardState& state);

 private:
  void TookAsLeader(ServerId sid, const LogState& before, const HardState& state);

  Ledger& ledger_;
  // To whom, in which life, by server, its disk, and epoch.
  std::map<std::tuple<ServerId, DiskId, Epoch>, std::pair<ServerId, uint64_t>> promised_;
};

}  // namespace zkq::testing
