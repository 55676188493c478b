// How long an ensemble is away, in virtual time: from a seed always the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace zkq::sim {

struct Outage {
  uint64_t seed = 1;
  int servers = 3;
};

// All are down, and start within 50 ms of each other; each sync takes 1 ms. From the first
// start until all serve.
absl::Duration RestartOfAll(const Outage& outage);

// The leader dies, and its links break. From then until another is established.
absl::Duration Failover(const Outage& outage);

// What so many of them took, from the first seed on.
class Outages {
 public:
  Outages(absl::Duration (*measure)(const Outage&), int servers, uint64_t seed, uint64_t runs);

  // The time that so large a part of them does not exceed: 0.5 is the median, 1 the longest.
  absl::Duration Within(double part) const;
  uint64_t slowest() const { return slowest_; }  // its seed
  std::string Text() const;                      // one line: p50, p99, longest and its seed

 private:
  std::vector<absl::Duration> taken_;  // in order
  uint64_t slowest_ = 0;
};

}  // namespace zkq::sim
