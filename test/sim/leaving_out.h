// LIV-5, judged in peace: once a change is answered, those whom it lists lead on, and commit,
// whatever becomes of all others.
#pragma once

#include <cstdint>
#include <vector>

#include "test/sim/clients.h"
#include "zkq/testing/sim_cluster.h"

namespace zkq::sim {

// Asks for a change, stops all whom it leaves out, lets the leader die, and writes through those
// who are left. What is wrong is reported to the cluster. Servers in `lost` may be away. True: a
// change was made, and it was judged.
bool LeaveOut(uint64_t seed, const std::vector<ServerId>& lost, Clients* clients,
              testing::SimCluster* cluster);

}  // namespace zkq::sim
