// A random walk of a whole ensemble on the bare core.
#pragma once

#include <string>
#include <vector>

namespace zkq::core {

// Crashes, cuts, stalled disks and snapshots under load, `steps` of them; then
// calm, after which everybody must serve and agree. Returns "" or what is wrong,
// with the seed. `trace`, if given, gets every event and effect.
std::string Walk(uint64_t seed, int servers, int steps, std::vector<std::string>* trace = nullptr);

// The same with elections that name anybody: safety must not rest on them. Adds the number
// of commands applied at each server to `*applied`: most terms fail, not all.
std::string WalkBlindly(uint64_t seed, int servers, int steps, size_t* applied);

}  // namespace zkq::core
