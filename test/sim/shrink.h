// Cuts a failing run to fewer strikes.
#pragma once

#include <cstddef>
#include <vector>

#include "test/sim/run.h"

namespace zkq::sim {

// The numbers of the strikes of `options`' plan that are enough for a violation of the
// same property, found by leaving out ever smaller pieces (ddmin). `options` fails.
std::vector<size_t> Shrink(const RunOptions& options, const RunResult& failed);

}  // namespace zkq::sim
