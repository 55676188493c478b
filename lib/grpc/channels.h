// The connections that this peer makes, and how long the kernel keeps trying on one.
//
// A link that has fallen silent goes down after its limit (lib/link), but gRPC closes a
// connection only when the write that is under way has ended, and TCP tries to deliver that for a
// quarter of an hour by Linux's defaults. Where a path swallows packets, every redial would leave
// one such connection: so the kernel gives a connection up when nothing of what was written to it
// has been acknowledged for twice the limit of silence (TCP_USER_TIMEOUT). Twice, so that the link
// layer always comes first, and says why.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/channel.h>

#include "zkq/message.h"

namespace zkq::transport {

// In milliseconds, of the server that `self` is; 0: as long as the kernel likes.
int UnacknowledgedMsMax(const Identity& self);

// A connection of its own, that is tried once: gRPC's waiting between attempts
// would come on top of ours.
std::shared_ptr<grpc::Channel> NewLinkChannel(const std::string& address, const Identity& self);
// The same for a transfer, of which nothing is to be sent before it is read.
std::shared_ptr<grpc::Channel> NewBulkChannel(const std::string& address, const Identity& self);

}  // namespace zkq::transport
