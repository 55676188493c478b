// The RPCs that this peer makes.
#pragma once

#include <memory>
#include <string>

#include "lib/grpc/rpcs.h"
#include "lib/link/dialler.h"

namespace zkq::transport {

class GrpcClient : public link::Dialler {
 public:
  explicit GrpcClient(std::shared_ptr<Rpcs> rpcs) : rpcs_(std::move(rpcs)) {}

  void Dial(const std::string& address, link::LinkPtr link) override;
  void Fetch(const std::string& address, link::LinkPtr transfer) override;
  void Knock(const std::string& address, const Identity& from, ServerId to,
             KnockDone done) override;

 private:
  const std::shared_ptr<Rpcs> rpcs_;
};

}  // namespace zkq::transport
