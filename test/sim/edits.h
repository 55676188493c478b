// What a change of the configuration asks for.
#pragma once

#include <set>

#include "test/sim/run.h"
#include "zkq/types.h"

namespace zkq::sim {

// Made from `before`.
std::set<Coverage::Edit> EditsOf(const Membership& before, const Membership& asked);

}  // namespace zkq::sim
