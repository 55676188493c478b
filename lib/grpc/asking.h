// Questions over gRPC (PROTOCOL §5.6): one unary call each, on a connection of its own.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/support/server_callback.h>

#include "lib/grpc/rpcs.h"
#include "lib/link/link_table.h"
#include "lib/link/questions.h"
#include "zkq/v1/quorum.pb.h"

namespace zkq::transport {

// On a thread that may block. `done` is called once. Limits of a connection are those of `self`.
void BeginAsk(const std::string& address, const Identity& self, const link::AskRequest& request,
              absl::Duration timeout, link::AskDone done, std::shared_ptr<Rpcs> rpcs);

// Answers one that has come in; `local` if its connection has not left this machine.
grpc::ServerUnaryReactor* ServeAsk(grpc::CallbackServerContext* context,
                                   const v1::AskRequest& request, v1::AskReply* reply, bool local,
                                   link::LinkTable* table, std::shared_ptr<Rpcs> rpcs);

}  // namespace zkq::transport
