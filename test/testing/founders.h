// The list with which made-up servers are founded.
#pragma once

#include "zkq/types.h"

namespace zkq::testing {

inline DiskId FirstDiskOf(ServerId sid) { return {1, ToInt(sid)}; }

// Servers with the ids 1, 2, … vote, each on its first disk.
inline Membership FoundersOf(int servers) {
  Membership founders;
  for (int id = 1; id <= servers; ++id) {
    founders.members.push_back({.id = ServerId(id), .disk = FirstDiskOf(ServerId(id))});
  }
  return founders;
}

}  // namespace zkq::testing
