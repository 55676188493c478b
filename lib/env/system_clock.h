// The shipped Clock: the system's monotonic and wall clocks.
#pragma once

#include <memory>

#include "zkq/env.h"

namespace zkq {

std::shared_ptr<Clock> NewSystemClock();

}  // namespace zkq
