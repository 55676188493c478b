// Look: one stay of a peer in the looking role. It tells an announcement that has
// been overtaken from a new one: lanes are not ordered among each other.
#pragma once

#include <compare>
#include <cstdint>

namespace zkq::core {

struct Look {
  uint64_t boot = 0;  // the process life
  uint64_t seq = 0;   // counted in that life
  friend auto operator<=>(const Look&, const Look&) = default;
};

}  // namespace zkq::core
