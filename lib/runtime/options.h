// What a replica can be started with.
#pragma once

#include "absl/status/status.h"
#include "zkq/options.h"

namespace zkq::runtime {

// OK, or kInvalidArgument that names the option and its value. Addresses are
// judged only if the shipped transport is to use them.
absl::Status CheckOptions(const ReplicaOptions& options);

}  // namespace zkq::runtime
