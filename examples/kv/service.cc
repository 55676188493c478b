#include "service.h"

#include <string>
#include <utility>

#include "batch.h"
#include "commands.h"
#include "status_response.h"

namespace kv {
namespace {

template <typename Response>
void Answer(absl::StatusOr<zkq::Reply> reply, grpc::CallbackServerContext* context,
            grpc::ServerUnaryReactor* reactor, Response* response) {
  const absl::Status status =
      reply.ok() ? ReadAnswer(reply->value, response) : std::move(reply).status();
  reactor->Finish(zkq::ToGrpcStatus<grpc::Status>(status, *context));
}

}  // namespace

zkq::Consistency ConsistencyFor(bool serializable) {
  return serializable ? zkq::Consistency::kLocal : zkq::Consistency::kLinearizable;
}

template <typename Response>
grpc::ServerUnaryReactor* KvService::Propose(grpc::CallbackServerContext* context,
                                             pb::Command command, Response* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<std::string> bytes = EncodeCommand(std::move(command));
  if (bytes.ok()) {
    replica_.Propose(*std::move(bytes), {.timeout = zkq::TimeoutFor(*context, kTimeoutMax)},
                     [=](absl::StatusOr<zkq::Reply> reply) {
                       Answer(std::move(reply), context, reactor, response);
                     });
  } else {
    Answer(std::move(bytes).status(), context, reactor, response);
  }
  return reactor;
}

template <typename Response>
grpc::ServerUnaryReactor* KvService::Read(grpc::CallbackServerContext* context, pb::Query query,
                                          bool serializable, Response* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  replica_.Read(EncodeQuery(std::move(query)),
                {.timeout = zkq::TimeoutFor(*context, kTimeoutMax),
                 .consistency = ConsistencyFor(serializable)},
                [=](absl::StatusOr<zkq::Reply> reply) {
                  Answer(std::move(reply), context, reactor, response);
                });
  return reactor;
}

grpc::ServerUnaryReactor* KvService::Put(grpc::CallbackServerContext* context,
                                         const pb::PutRequest* request, pb::PutResponse* response) {
  pb::Command command;
  *command.mutable_put() = *request;
  return Propose(context, std::move(command), response);
}

grpc::ServerUnaryReactor* KvService::Delete(grpc::CallbackServerContext* context,
                                            const pb::DeleteRequest* request,
                                            pb::DeleteResponse* response) {
  pb::Command command;
  *command.mutable_delete_() = *request;
  return Propose(context, std::move(command), response);
}

grpc::ServerUnaryReactor* KvService::CompareAndSwap(grpc::CallbackServerContext* context,
                                                    const pb::CompareAndSwapRequest* request,
                                                    pb::CompareAndSwapResponse* response) {
  pb::Command command;
  *command.mutable_cas() = *request;
  return Propose(context, std::move(command), response);
}

grpc::ServerUnaryReactor* KvService::Get(grpc::CallbackServerContext* context,
                                         const pb::GetRequest* request, pb::GetResponse* response) {
  pb::Query query;
  *query.mutable_get() = *request;
  return Read(context, std::move(query), request->serializable(), response);
}

grpc::ServerUnaryReactor* KvService::List(grpc::CallbackServerContext* context,
                                          const pb::ListRequest* request,
                                          pb::ListResponse* response) {
  pb::Query query;
  *query.mutable_list() = *request;
  return Read(context, std::move(query), request->serializable(), response);
}

grpc::ServerWriteReactor<pb::WatchEvent>* KvService::Watch(grpc::CallbackServerContext*,
                                                           const pb::WatchRequest* request) {
  return hub_.Watch(request->prefix());
}

grpc::ServerBidiReactor<pb::BatchRequest, pb::BatchResponse>* KvService::Batch(
    grpc::CallbackServerContext* context) {
  return NewBatchCall(replica_, *context);
}

grpc::ServerUnaryReactor* KvService::Status(grpc::CallbackServerContext* context,
                                            const pb::StatusRequest*,
                                            pb::StatusResponse* response) {
  *response = ToResponse(replica_.Status());
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace kv
