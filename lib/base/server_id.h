// Which numbers name a server.
#pragma once

#include "zkq/types.h"

namespace zkq {

constexpr bool IsServerId(ServerId sid) { return ToInt(sid) >= 1 && ToInt(sid) >> 63 == 0; }

}  // namespace zkq
