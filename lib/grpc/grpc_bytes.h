// Frames and statuses as gRPC has them.
#pragma once

#include <memory>
#include <string>

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

}  // namespace zkq::transport
