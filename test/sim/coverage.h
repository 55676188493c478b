// What the faults of many runs have hit, as a table, and what they should have.
#pragma once

#include <string>

#include "test/sim/run.h"

namespace zkq::sim {

// Faults by role and phase, messages by fate; "." for what cannot occur.
std::string Table(const Coverage& coverage);
// Cells that can occur and are empty, a line each.
std::string Holes(const Coverage& coverage);

}  // namespace zkq::sim
