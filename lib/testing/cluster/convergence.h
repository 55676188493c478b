// Convergence: once the faults are over everybody starts, is led, has all, and stays so.
#pragma once

#include <set>
#include <utility>

#include "lib/testing/cluster/judges.h"
#include "lib/testing/cluster/shared.h"
#include "lib/testing/cluster/sim_places.h"
#include "lib/testing/cluster/sim_run.h"

namespace zkq::testing {

class Convergence {
 public:
  // Of the servers at `healthy` all is asked; `others`: there are some that may stay away. What is
  // pointed to outlives this.
  Convergence(const Shared* shared, const SimPlaces* places, Judges* judges, SimRun* run,
              std::set<ServerId> healthy, bool others)
      : shared_(*shared),
        places_(*places),
        judges_(*judges),
        run_(*run),
        healthy_(std::move(healthy)),
        others_(others) {}

  // Heals, and waits for what is to come, up to `limit` for each of it. What does not come is
  // reported.
  void Check(absl::Duration limit);

 private:
  // False: a violation is reported.
  bool AwaitHeldUp(absl::Duration limit);
  bool StartEverybody();
  void PutDisksBack();
  void Settle(absl::Duration patience);
  bool AwaitSynced(absl::Duration limit, absl::Duration patience);
  bool AwaitChanges(absl::Duration limit);  // false: there was none
  void AwaitStable(absl::Duration patience);

  void PointNames();
  std::set<ServerId> Judged() const;

  const Shared& shared_;
  const SimPlaces& places_;
  Judges& judges_;
  SimRun& run_;
  const std::set<ServerId> healthy_;
  const bool others_;
};

}  // namespace zkq::testing
