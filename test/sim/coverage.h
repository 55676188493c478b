// What the faults of many runs have hit, as a table, and what they should have.
#pragma once

#include <string>

#include "test/sim/run.h"

namespace zkq::sim {

// Faults by role and phase, messages by fate.
std::string Table(const Coverage& coverage);
// What the faults of each kind have hit, in a line.
std::string Summary(const Coverage& coverage);
// Cells that can occur and are empty, a line each.
std::string Holes(const Coverage& coverage);

}  // namespace zkq::sim
