// EpochRules: an epoch is fixed by what voters have promised alone (INV-25), and promised to one
// leader, which takes it once a quorum has promised and with the newest history of those; who takes
// it later has that history (INV-2, 3, 9 and 16).
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

  // A leader hears what somebody has promised who wants to learn from it.
  void Heard(const Route& route, const FollowerInfo& info);
  // `state` has a later acceptedEpoch than the log before it.
  void Promised(ServerId sid, const LogState& before, const HardState& state);
  // It tells a leader that it has promised, and would have its own epoch counted.
  void CheckPromise(const Route& route, Epoch epoch);
  // `state` has a later currentEpoch than the log before it.
  void Took(ServerId sid, const LogState& before, const HardState& state);

 private:
  void TookAsLeader(ServerId sid, const LogState& before, const HardState& state);
  bool IsTainted(ServerId place) const;

  Ledger& ledger_;
  // The highest epoch that was promised, as far as a process life has heard.
  struct HeardOf {
    Epoch of_voters = 0;
    Epoch of_any = 0;
  };
  std::map<std::pair<ServerId, uint64_t>, HeardOf> heard_;
  // To whom, in which life, by server, its disk, and epoch.
  std::map<std::tuple<ServerId, DiskId, Epoch>, std::pair<ServerId, uint64_t>> promised_;
};

}  // namespace zkq::testing
