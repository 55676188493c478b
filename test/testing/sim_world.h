// The simulated network as the world of transports under test.
#pragma once

#include <memory>
#include <vector>

#include "zkq/testing/conformance.h"
#include "zkq/testing/sim.h"
#include "zkq/testing/sim_network.h"

namespace zkq::testing {

class SimWorld final : public TransportWorld {
 public:
  explicit SimWorld(const TransportWorldOptions& options)
      : SimWorld(SimNetworkOptions{.outbound_bytes_max = options.outbound_bytes_max,
                                   .inbound_bytes_max = options.inbound_bytes_max}) {}
  explicit SimWorld(const SimNetworkOptions& options) : network_(&scheduler_, options) {}

  std::unique_ptr<QuorumTransport> NewTransport(ServerId) override {
    return network_.NewTransport();
  }
  std::vector<Member> Members(const std::vector<ServerId>& sids) override {
    std::vector<Member> members;
    for (const ServerId sid : sids) members.push_back({.id = sid});
    return members;
  }
  Env EnvOf(ServerId) override {
    return {.clock = std::make_shared<SimClock>(&scheduler_),
            .executor = std::make_shared<SimExecutor>(&scheduler_),
            .blocking_executor = std::make_shared<SimExecutor>(&scheduler_),
            .random = std::make_shared<SimRandom>(scheduler_.random().Next())};
  }
  bool RunUntil(absl::FunctionRef<bool()> condition) override {
    return scheduler_.RunUntil(condition, absl::Minutes(1));
  }
  void Settle() override { scheduler_.RunFor(absl::Seconds(1)); }

  SimNetwork& network() { return network_; }
  SimScheduler& scheduler() { return scheduler_; }

 private:
  SimScheduler scheduler_{1};
  SimNetwork network_;
};

}  // namespace zkq::testing
