// The serving side of FetchSnapshot: asks the receiver page by page, the next
// one once the one before is written, so a transfer holds one page.
#pragma once

#include <memory>

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "lib/grpc/rpcs.h"
#include "lib/link/link_table.h"
#include "zkq/v1/quorum.pb.h"

namespace zkq::transport {

// FAILED_PRECONDITION if the link that names the caller is not live; ABORTED
// when it goes down later; otherwise what the receiver says.
grpc::ServerWriteReactor<v1::Chunk>* ServeSnapshot(grpc::CallbackServerContext* context,
                                                   const v1::FetchRequest& request,
                                                   std::shared_ptr<link::LinkTable> table,
                                                   std::shared_ptr<Rpcs> rpcs);

}  // namespace zkq::transport
