// KvService: the gRPC face of one server. Turns calls into commands and queries of
// its replica and the replica's errors into gRPC's.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>

#include "kv.grpc.pb.h"
#include "watch_hub.h"
#include "zkq/grpc_status.h"
#include "zkq/zkq.h"

namespace kv {

// The most time that a call's deadline may ask for, and what a call without one gets.
inline constexpr absl::Duration kTimeoutMax = absl::Minutes(5);

// Nothing here blocks a gRPC thread: each call ends in a callback of the replica.
// Replica and hub must outlive the gRPC server.
class KvService final : public pb::Kv::CallbackService {
 public:
  KvService(zkq::Replica& replica, WatchHub& hub) : replica_(replica), hub_(hub) {}

  grpc::ServerUnaryReactor* Put(grpc::CallbackServerContext* context, const pb::PutRequest* request,
                                pb::PutResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const pb::GetRequest* request,
                                pb::GetResponse* response) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context,
                                   const pb::DeleteRequest* request,
                                   pb::DeleteResponse* response) override;
  grpc::ServerUnaryReactor* CompareAndSwap(grpc::CallbackServerContext* context,
                                           const pb::CompareAndSwapRequest* request,
                                           pb::CompareAndSwapResponse* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const pb::ListRequest* request,
                                 pb::ListResponse* response) override;
  grpc::ServerWriteReactor<pb::WatchEvent>* Watch(grpc::CallbackServerContext* context,
                                                  const pb::WatchRequest* request) override;
  grpc::ServerBidiReactor<pb::BatchRequest, pb::BatchResponse>* Batch(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context,
                                   const pb::StatusRequest* request,
                                   pb::StatusResponse* response) override;

 private:
  template <typename Response>
  grpc::ServerUnaryReactor* Propose(grpc::CallbackServerContext* context, pb::Command command,
                                    Response* response);
  template <typename Response>
  grpc::ServerUnaryReactor* Read(grpc::CallbackServerContext* context, pb::Query query,
                                 bool serializable, Response* response);

  zkq::Replica& replica_;
  WatchHub& hub_;
};

zkq::Consistency ConsistencyFor(bool serializable);

}  // namespace kv
