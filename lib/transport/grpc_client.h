// The RPCs that this peer makes.
#pragma once

#include <memory>
#include <string>

#include "lib/transport/calls.h"
#include "lib/transport/link_table.h"

namespace zkq::transport {

class GrpcClient : public Dialler {
 public:
  // A knock takes `timeout` at most; how long a dial may take the link table
  // knows.
  GrpcClient(std::shared_ptr<Calls> calls, absl::Duration timeout)
      : calls_(std::move(calls)), timeout_(timeout) {}

  void Dial(const std::string& address, LinkPtr link) override;
  void Knock(const std::string& address, const Identity& from, ServerId to,
             KnockDone done) override;

 private:
  const std::shared_ptr<Calls> calls_;
  const absl::Duration timeout_;
};

// QuorumTransport::FetchSnapshot. `table` lets the sink be called until its gate
// is closed.
void FetchSnapshotFrom(const std::shared_ptr<LinkTable>& table, const std::shared_ptr<Calls>& calls,
                       const LinkId& link, const SnapshotRequest& request,
                       QuorumTransport::SnapshotSink sink);

}  // namespace zkq::transport
