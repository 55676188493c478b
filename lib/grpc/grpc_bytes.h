// Frames and statuses in gRPC's clothes, and the channels calls are made on.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/channel.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "lib/link/lanes.h"

namespace zkq::transport {

// The largest gRPC message either side takes. Frames are far smaller: one batch
// or fragment, and what CONTROL had.
inline constexpr int kGrpcMessageBytesMax = 8 << 20;

// Without a copy: gRPC keeps the bytes alive.
grpc::ByteBuffer ToByteBuffer(link::Outgoing frame);
// With the one copy there is: messages share the result.
Payload FromByteBuffer(const grpc::ByteBuffer& buffer);

// A refusal (refusals.h) travels in the details.
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

// A connection of its own, that is tried once: gRPC's waiting between attempts
// would come on top of ours.
std::shared_ptr<grpc::Channel> NewLinkChannel(const std::string& address);
// The same for a transfer, of which nothing is to be sent before it is read.
std::shared_ptr<grpc::Channel> NewBulkChannel(const std::string& address);

}  // namespace zkq::transport
