// What a replica may say of itself, and what it may say next in the same process
// life. Pure: statuses in, the first thing that is wrong out.
#pragma once

#include <optional>

#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

std::optional<Violation> CheckStatus(const ReplicaStatus& status);
// Both are of one life; others may have been between them.
std::optional<Violation> CheckStep(const ReplicaStatus& before, const ReplicaStatus& after);

}  // namespace zkq::testing
