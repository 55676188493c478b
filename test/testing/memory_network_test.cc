// The contract of QuorumTransport, held by the network in memory on real threads.
#include <map>

#include "test/harness/catch.h"
#include "zkq/env.h"
#include "zkq/testing/conformance.h"
#include "zkq/testing/memory_network.h"

namespace zkq::testing {
namespace {

class MemoryWorld final : public TransportWorld {
 public:
  explicit MemoryWorld(const TransportWorldOptions& options)
      : network_({.outbound_bytes_max = options.outbound_bytes_max,
                  .inbound_bytes_max = options.inbound_bytes_max}) {}

  std::unique_ptr<QuorumTransport> NewTransport(ServerId) override {
    return network_.NewTransport();
  }
  std::vector<Member> Members(const std::vector<ServerId>& sids) override {
    std::vector<Member> members;
    for (const ServerId sid : sids) members.push_back({.id = sid});
    return members;
  }
  Env EnvOf(ServerId sid) override {
    Env& env = envs_[sid];
    if (env.executor == nullptr) env = NewSystemEnv();
    return env;
  }
  bool RunUntil(absl::FunctionRef<bool()> condition) override {
    return waiters_->Await(condition, absl::Seconds(30));
  }
  void Settle() override {
    waiters_->Await([] { return false; }, absl::Milliseconds(200));
  }
  void Wake() override { waiters_->Wake(); }

 private:
  MemoryNetwork network_;
  std::map<ServerId, Env> envs_;
  const std::shared_ptr<Executor> waiters_ = NewSystemEnv().executor;
};

TEST_CASE("the network in memory keeps every promise of the kit") {
  for (const std::string& claim : TransportClaims()) {
    DYNAMIC_SECTION(claim) {
      const absl::Status status = RunTransportConformance(
          [](const TransportWorldOptions& options) {
            return std::make_unique<MemoryWorld>(options);
          },
          claim);
      CHECK(status.ToString() == "OK");
    }
  }
}

}  // namespace
}  // namespace zkq::testing
