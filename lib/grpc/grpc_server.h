// The RPCs that this peer answers.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/grpc/rpcs.h"
#include "lib/link/link_table.h"

namespace zkq::transport {

class GrpcServer {
 public:
  // Listens. Errors as QuorumTransport::Start has them.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Listen(const std::string& address,
                                                            std::shared_ptr<link::LinkTable> table,
                                                            std::shared_ptr<Rpcs> rpcs);
  virtual ~GrpcServer() = default;
  // `address`, with the port it got.
  virtual std::string address() const = 0;
  // Stops listening, and waits for the RPCs, which are cancelled already.
  virtual void Shutdown() = 0;
};

}  // namespace zkq::transport
