#include "lib/core/limits.h"

#include <tuple>

namespace zkq::core {

bool HasLimits(const Identity& peer) {
  constexpr std::chrono::microseconds kTickMax = std::chrono::hours(1);
  constexpr uint32_t kTicksMax = 1'000'000;
  const auto allowed = [](uint32_t limit) { return limit > 0 && limit <= kTicksMax; };
  return peer.tick.count() > 0 && peer.tick <= kTickMax && allowed(peer.init_limit) &&
         allowed(peer.sync_limit);
}

bool SameLimits(const Identity& a, const Identity& b) {
  return std::tuple(a.tick, a.init_limit, a.sync_limit) ==
         std::tuple(b.tick, b.init_limit, b.sync_limit);
}

std::string LimitsText(const Identity& peer) {
  return "tick " + std::to_string(peer.tick.count() / 1000) + " ms, init_limit " +
         std::to_string(peer.init_limit) + " and sync_limit " + std::to_string(peer.sync_limit);
}

}  // namespace zkq::core
