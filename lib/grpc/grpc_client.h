// The RPCs that this peer makes.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "lib/grpc/rpcs.h"
#include "lib/link/dialler.h"

namespace zkq::transport {

class GrpcClient : public link::Dialler {
 public:
  // Time limits are those of `self`.
  GrpcClient(std::shared_ptr<Rpcs> rpcs, const Identity& self)
      : rpcs_(std::move(rpcs)), self_(self) {}

  void Dial(const std::string& address, link::LinkPtr link) override;
  void Fetch(const std::string& address, link::LinkPtr transfer) override;
  void Knock(const std::string& address, const Identity& from, ServerId to,
             KnockDone done) override;

 private:
  const std::shared_ptr<Rpcs> rpcs_;
  const Identity self_;  // as at the start, which its limits stay
};

}  // namespace zkq::transport
