// The shipped Random: the kernel's own generator, so that neither a fork nor a
// cloned machine repeats an identity.
#pragma once

#include <memory>

#include "zkq/env.h"

namespace zkq {

std::shared_ptr<Random> NewSystemRandom();

}  // namespace zkq
