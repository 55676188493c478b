// Limits: how a peer counts time, as it says of itself in the handshake: its tick, and how many
// of them it waits. Servers may differ in that (PROTOCOL §5.3 D9).
#pragma once

#include <string>

#include "zkq/message.h"

namespace zkq::core {

// They are such as a replica's options may have. A peer may say anything.
bool HasLimits(const Identity& peer);
bool SameLimits(const Identity& a, const Identity& b);
std::string LimitsText(const Identity& peer);

}  // namespace zkq::core
