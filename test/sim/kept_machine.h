// A state machine that keeps its state on its server's disk, beside the log, as one with a
// database of its own does: it opens what its last checkpoint holds, and is given what came after.
#pragma once

#include <memory>

#include "zkq/env.h"
#include "zkq/state_machine.h"

namespace zkq::sim {

// A checkpoint is made after every `every` transactions, and after each snapshot that is
// restored. One that fails is made up for by the next: what was there before stays. `disk`
// outlives it.
std::unique_ptr<StateMachine> Kept(std::unique_ptr<StateMachine> inner, FileSystem* disk,
                                   uint64_t every);

}  // namespace zkq::sim
