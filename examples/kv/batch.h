// One Batch stream: many calls in flight, answered by id as they complete.
#pragma once

#include <grpcpp/grpcpp.h>

#include "kv.pb.h"
#include "zkq/replica.h"

namespace kv {

namespace pb = zkq::kv::v1;

// At most so many calls of one stream are in flight, or answered and not yet sent;
// at the bound nothing more is read from it, and gRPC holds the client back.
inline constexpr size_t kBatchCallsMax = 2'000;

// gRPC owns the result. `replica` must outlive the stream.
grpc::ServerBidiReactor<pb::BatchRequest, pb::BatchResponse>* NewBatchCall(
    zkq::Replica& replica, grpc::CallbackServerContext& context);

}  // namespace kv
