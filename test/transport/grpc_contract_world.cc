// The contract of QuorumTransport, held by the shipped one on the loopback.
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

#include "test/transport/grpc_ports.h"
#include "test/transport/transport_contract.h"
#include "zkq/grpc_transport.h"

namespace zkq::testing {
namespace {

class GrpcWorld final : public World {
 public:
  explicit GrpcWorld(const WorldOptions& options) : options_(options) {}

  std::unique_ptr<QuorumTransport> NewTransport(ServerId sid) override {
    return NewGrpcTransport({.listen_address = AddressOf(sid),
                             .outbound_bytes_max = options_.outbound_bytes_max,
                             .inbound_bytes_max = options_.inbound_bytes_max,
                             .handshake_timeout = absl::Seconds(10)});  // for slow machines
  }

  std::vector<Member> Members(const std::vector<ServerId>& sids) override {
    std::vector<Member> members;
    for (const ServerId sid : sids) members.push_back({.id = sid, .address = AddressOf(sid)});
    return members;
  }

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

  const WorldOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t wakes_ = 0;
  std::map<ServerId, std::string> addresses_;
};

}  // namespace

std::unique_ptr<World> NewWorld(const WorldOptions& options) {
  return std::make_unique<GrpcWorld>(options);
}

}  // namespace zkq::testing
