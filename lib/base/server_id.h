// Which numbers name a server.
#pragma once

#include "zkq/types.h"

namespace zkq {

// The ids that people give; no others are listed (PROTOCOL §1).
constexpr bool CanBeListed(ServerId sid) { return sid != kNoServer && sid <= kServerIdMax; }

}  // namespace zkq
