// Fills what is null in an Env with the shipped parts.
#pragma once

#include "zkq/env.h"

namespace zkq {

// An executor stays null if no thread can be had.
void FillEnv(Env* env);

}  // namespace zkq
