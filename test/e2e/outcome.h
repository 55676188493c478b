// What must hold after any test that wrote, whatever went wrong meanwhile.
#pragma once

#include <string>

#include "test/e2e/ensemble.h"
#include "test/e2e/workload.h"

namespace e2e {

// Ends the writes and waits until the running servers are equal. What is wrong then, a line
// each, "" if nothing: an acknowledged write is gone, one that was called "not committed" is
// there, a server holds another state.
std::string WhatIsWrong(Ensemble& ensemble, Workload& load);

}  // namespace e2e
