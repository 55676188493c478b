// What a replica can be started with.
#pragma once

#include "absl/status/status.h"
#include "zkq/options.h"

namespace zkq {

constexpr bool IsServerId(ServerId sid) { return ToInt(sid) >= 1 && ToInt(sid) >> 63 == 0; }

namespace runtime {

// OK, or kInvalidArgument that names the option and its value. Addresses are
// judged only if the shipped transport is to use them.
absl::Status CheckOptions(const ReplicaOptions& options);

}  // namespace runtime
}  // namespace zkq
