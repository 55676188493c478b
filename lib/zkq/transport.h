// The transport that a replica gets when its options name none.
#pragma once

#include <memory>

#include "zkq/options.h"

namespace zkq {

// Null if this build has none.
std::unique_ptr<QuorumTransport> NewShippedTransport(const ReplicaOptions& options);

}  // namespace zkq
