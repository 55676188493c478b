// Replica::Start with a tuning: the simulator's. Defined where Replica::Start is.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "lib/runtime/tuning.h"
#include "zkq/replica.h"

namespace zkq::runtime {

struct ZKQ_EXPORT TunedStart {
  static absl::StatusOr<std::unique_ptr<Replica>> Start(ReplicaOptions options,
                                                        const Tuning& tuning);
};

}  // namespace zkq::runtime
