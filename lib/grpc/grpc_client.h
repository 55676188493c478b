// The RPCs that this peer makes. A channel takes 0.2 to 0.4 ms to make: heartbeats do not wait
// for that, since each call is begun in a task of Env's blocking executor.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "lib/grpc/rpcs.h"
#include "lib/link/dialler.h"

namespace zkq::transport {

// Dials that wait for a thread, above which none is taken: the table gives up late ones, and
// begins new ones.
inline constexpr int kWaitingDialsMax = 64;

class GrpcClient : public link::Dialler, public std::enable_shared_from_this<GrpcClient> {
 public:
  // Time limits are those of `self`.
  GrpcClient(std::shared_ptr<Rpcs> rpcs, const Identity& self)
      : rpcs_(std::move(rpcs)), self_(self) {}

  absl::Status Dial(const std::string& address, link::LinkPtr link) override;
  void Fetch(const std::string& address, link::LinkPtr transfer) override;
  void Knock(const std::string& address, const Identity& from, ServerId to,
             KnockDone done) override;
  void Ask(const std::string& address, link::AskRequest request, absl::Duration timeout,
           link::AskDone done) override;

 private:
  const std::shared_ptr<Rpcs> rpcs_;
  const Identity self_;  // as at the start, which its limits stay
  std::atomic<int> waiting_dials_ = 0;
};

}  // namespace zkq::transport
