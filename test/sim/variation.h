// What differs from run to run, and from start to start: drawn from the run's seed. Most
// runs have most of it as shipped, and under profile calm all is.
#pragma once

#include "test/sim/clients.h"
#include "test/sim/run.h"
#include "zkq/testing/sim_cluster.h"

namespace zkq::sim {

class Variation {
 public:
  explicit Variation(const RunOptions& options) : run_(options), random_(options.seed * 5 + 2) {}

  Clients::Options ForClients();
  // Without `adjust`, which is what a start gets.
  testing::SimClusterOptions ForCluster();
  void Adjust(ReplicaOptions* options);
  // Of every snapshot.
  size_t Ballast();
  // The state machine keeps its state on the disk after so many transactions; 0: it does not.
  uint64_t KeptEvery() const;
  // Clocks and disks, before anybody has started.
  void Spoil(testing::SimCluster* cluster);
  // For how long no more strikes fall before all is healed: where all disks are slow, until a
  // leader has to be there, and then some more, in which it has to stay.
  absl::Duration Quiet() const;

 private:
  absl::Duration SyncTakes() const;
  void Found(testing::SimClusterOptions* cluster) const;
  bool calm() const { return run_.profile == Profile::kCalm; }
  bool OneIn(uint64_t n) { return random_.Below(n) == 0; }

  const RunOptions& run_;
  testing::SimRandom random_;
};

}  // namespace zkq::sim
