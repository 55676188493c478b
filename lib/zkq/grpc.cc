// The one place that names the gRPC transport.
#include "lib/zkq/transport.h"
#include "zkq/grpc_transport.h"

namespace zkq {

std::unique_ptr<QuorumTransport> NewShippedTransport(const ReplicaOptions& options) {
  GrpcTransportOptions transport{.listen_address = options.listen_address,
                                 .unlisted_max = options.max_unlisted,
                                 .log_sink = options.log_sink};
  for (const Member& member : options.members) {
    if (transport.listen_address.empty() && member.id == options.id) {
      transport.listen_address = member.address;
    }
  }
  return NewGrpcTransport(std::move(transport));
}

}  // namespace zkq
