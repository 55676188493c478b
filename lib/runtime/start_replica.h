// How lib/zkq and the simulator start a replica.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "lib/runtime/tuning.h"
#include "zkq/replica.h"

namespace zkq::runtime {

// As Replica::Start, but every seam of `options` is filled, except the election, the log
// sink and the state machine, which may be null; and with bounds that no user sets.
ZKQ_EXPORT absl::StatusOr<std::unique_ptr<Replica>> StartReplica(ReplicaOptions options,
                                                                 const Tuning& tuning);

}  // namespace zkq::runtime
