// How votes are weighed: the rule of every quorum system (PROTOCOL §2 Q3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace zkq {

// How much weight there is in each group of voters. A group of none is as one that is not there.
using GroupWeights = std::map<uint32_t, uint64_t>;

// Whether those who have `held` of `all` decide: a group is won by more than half of its weight,
// and a quorum wins more than half of the groups that have any. One group of equal weights is a
// majority. So any two quorums have a voter in common: they win one group both, and of its
// weight more than half each.
inline bool WinsMostGroups(const GroupWeights& held, const GroupWeights& all) {
  size_t groups = 0, won = 0;
  for (const auto& [group, weight] : all) {
    const auto part = held.find(group);
    groups += weight > 0;
    won += part != held.end() && part->second > weight / 2;
  }
  return won > groups / 2;
}

}  // namespace zkq
