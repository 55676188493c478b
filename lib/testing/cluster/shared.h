// Shared: what all servers of a cluster share. The cluster owns it all, and outlives them.
#pragma once

#include "zkq/testing/sim_cluster.h"

namespace zkq::testing {

class SimCalls;
class SimTrace;

struct Shared {
  SimScheduler* scheduler = nullptr;
  SimNetwork* network = nullptr;
  SimObserver* observer = nullptr;
  SimTrace* trace = nullptr;
  SimCalls* calls = nullptr;
  const SimClusterOptions* options = nullptr;
  SimCluster::MakeStateMachine make = nullptr;
};

}  // namespace zkq::testing
