// The quorums of a simulated ensemble, as the protocol counts them.
#pragma once

#include "lib/core/quorum.h"

namespace zkq::testing {

// Servers with the ids 1, 2, … vote, all of them.
inline core::Quorum QuorumOf(int servers) {
  Configs configs;
  for (int id = 1; id <= servers; ++id) configs.committed.members.push_back({ServerId(id)});
  return core::Quorum(configs);
}

}  // namespace zkq::testing
