// Health: what is wrong with a server that a person must see to, by what it knows of itself.
// Pure: the time is given, by the monotonic clock.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace zkq::runtime {

struct Facts;

// The worst first: a health has the code of the first that there is, and tells all.
enum class Ailment : uint8_t {
  kHalted,
  kAmnesic,
  kMembersDiffer,  // not founded, and another server has another list of members
  kNotFounded,
  kLeaderless,
  kDiskHangs,
  kDiskSlow,
  kClockOff,
};
inline constexpr size_t kAilments = 8;
using Ailments = std::bitset<kAilments>;

Ailments AilmentsOf(const Facts& facts, absl::Duration now);
// ReplicaStatus::health.
absl::Status HealthOf(const Facts& facts, absl::Duration now);

}  // namespace zkq::runtime
