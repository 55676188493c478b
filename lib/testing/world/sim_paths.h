// What lies between the processes of a simulated network: for each pair, one way, how
// long a packet takes and whether it gets through. Connections ask it of each packet.
#pragma once

#include <map>
#include <set>
#include <utility>

#include "zkq/testing/sim_network.h"

namespace zkq::testing {

class SimPaths {
 public:
  SimPaths(SimRandom* random, const SimNetworkOptions& options)
      : random_(*random), options_(options), usual_(Healthy()) {}

  // --- what a connection asks -----------------------------------------------
  const SimPath& Of(ServerId from, ServerId to) const;
  absl::Duration DrawDelay(ServerId from, ServerId to);
  // A packet of so many bytes that is sent now, or arrives now, gets through.
  bool Passes(ServerId from, ServerId to, size_t bytes) const;
  // No connection can be made, and a server that tries is told so.
  bool Refused(ServerId a, ServerId b) const;
  // Infinite if anything else is wrong with it.
  absl::Duration LongestDelay(ServerId from, ServerId to) const;
  // Above this a delay is worth telling.
  absl::Duration long_delay() const { return 4 * usual_.max; }

  // --- what a test changes --------------------------------------------------
  void Set(ServerId from, ServerId to, const SimPath& path);
  void SetUsual(absl::Duration min, absl::Duration max) { usual_ = {min, std::max(min, max)}; }
  void Cut(ServerId a, ServerId b) { cuts_.insert(std::minmax(a, b)); }
  void Partition(const std::set<ServerId>& side) { side_ = side; }
  void Mend(ServerId a, ServerId b);
  void Heal();

 private:
  using Pair = std::pair<ServerId, ServerId>;
  SimDelay Healthy() const {
    return {options_.delay_min, std::max(options_.delay_min, options_.delay_max)};
  }

  SimRandom& random_;
  const SimNetworkOptions options_;
  SimDelay usual_;
  std::map<Pair, SimPath> paths_;  // from, to; those that are not as usual
  std::set<Pair> cuts_;            // the smaller first
  std::set<ServerId> side_;        // of the partition
};

}  // namespace zkq::testing
