// The contract of QuorumTransport, held by the shipped one on the loopback.
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

#include "test/grpc/grpc_ports.h"
#include "test/harness/catch.h"
#include "zkq/grpc_transport.h"
#include "zkq/testing/conformance.h"

namespace zkq::testing {
namespace {

class GrpcWorld final : public TransportWorld {
 public:
  explicit GrpcWorld(const TransportWorldOptions& options) : options_(options) {}

  std::unique_ptr<QuorumTransport> NewTransport(ServerId sid) override {
    return NewGrpcTransport({.listen_address = AddressOf(sid),
                             .outbound_bytes_max = options_.outbound_bytes_max,
                             .inbound_bytes_max = options_.inbound_bytes_max});
  }

  std::vector<Member> Members(const std::vector<ServerId>& sids) override {
    std::vector<Member> members;
    for (const ServerId sid : sids) members.push_back({.id = sid, .address = AddressOf(sid)});
    return members;
  }

  Env EnvOf(ServerId) override { return env_; }
  bool RunUntil(absl::FunctionRef<bool()> condition) override {
    return Wait(std::chrono::seconds(30), condition);
  }
  void Settle() override {
    Wait(std::chrono::milliseconds(200), [] { return false; });
  }

  void Wake() override {
    const std::lock_guard lock(mutex_);
    ++wakes_;
    changed_.notify_all();
  }

 private:
  std::string AddressOf(ServerId sid) {
    const std::lock_guard lock(mutex_);
    std::string& address = addresses_[sid];
    if (address.empty()) address = FreeAddress();
    return address;
  }

  // The condition takes its own locks, so it is asked outside ours. Not all that
  // changes wakes us: it is asked again after a while anyway.
  bool Wait(std::chrono::milliseconds timeout, absl::FunctionRef<bool()> condition) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
      uint64_t seen;
      {
        const std::lock_guard lock(mutex_);
        seen = wakes_;
      }
      if (condition()) return true;
      if (std::chrono::steady_clock::now() >= deadline) return false;
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::milliseconds(20), [&] { return wakes_ != seen; });
    }
  }

  const TransportWorldOptions options_;
  const Env env_ = NewSystemEnv();
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t wakes_ = 0;
  std::map<ServerId, std::string> addresses_;
};

TEST_CASE("the shipped transport keeps every promise of the kit") {
  for (const std::string& claim : TransportClaims()) {
    DYNAMIC_SECTION(claim) {
      const absl::Status status = RunTransportConformance(
          [](const TransportWorldOptions& options) { return std::make_unique<GrpcWorld>(options); },
          claim);
      CHECK(status.ToString() == "OK");
    }
  }
}

}  // namespace
}  // namespace zkq::testing
