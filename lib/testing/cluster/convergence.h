// Convergence: once the faults are over everybody starts, is led, has all, and stays so.
#pragma once

#include <set>

#include "lib/testing/cluster/judges.h"
#include "lib/testing/cluster/sim_places.h"
#include "lib/testing/cluster/sim_run.h"

namespace zkq::testing {

class Convergence {
 public:
  // Of the servers at `healthy` all is asked; the others may stay away. All outlive this.
  Convergence(const Shared* shared, const SimPlaces* places, Judges* judges, SimRun* run,
              std::set<ServerId> healthy)
      : shared_(*shared),
        places_(*places),
        judges_(*judges),
        run_(*run),
        healthy_(std::move(healthy)) {}

  // Heals, and waits for each part of it up to `limit`. What does not come is reported.
  void Check(absl::Duration limit);

 private:
  // One after the other; false: a violation is reported.
  bool AwaitHeldUp(absl::Duration limit);
  bool StartEverybody();
  void PutDisksBack();
  void Settle(absl::Duration patience);
  bool AwaitSynced(absl::Duration limit, absl::Duration patience);
  bool AwaitChanges(absl::Duration limit);
  void AwaitStable(absl::Duration patience);

  void PointNames();
  std::set<ServerId> Judged() const;

  const Shared& shared_;
  const SimPlaces& places_;
  Judges& judges_;
  SimRun& run_;
  const std::set<ServerId> healthy_;
};

}  // namespace zkq::testing
