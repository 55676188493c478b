// A random walk of a whole ensemble on the bare core.
#pragma once

#include <string>
#include <vector>

namespace zkq::core {

// Crashes, cuts, stalled disks and snapshots under load, `steps` of them; then
// calm, after which everybody must serve and agree. Returns "" or what is wrong,
// with the seed. `trace`, if given, gets every event and effect.
std::string Walk(uint64_t seed, int servers, int steps, std::vector<std::string>* trace = nullptr);

}  // namespace zkq::core
