// Amounts and lists as people read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>

#include "zkq/types.h"

namespace zkq {

// "62 ms", "1.5 s", "74 s". Below zero counts as zero.
std::string TimeText(std::chrono::microseconds time);
// "512 bytes", "480 MiB".
std::string BytesText(uint64_t bytes);
// "1, 2, 3".
std::string ServersText(const std::set<ServerId>& servers);
std::string ServersText(const std::set<MemberId>& members);

}  // namespace zkq
