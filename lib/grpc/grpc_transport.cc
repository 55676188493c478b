#include "zkq/grpc_transport.h"

#include <mutex>
#include <utility>
#include <vector>

#include "lib/base/host_port.h"
#include "lib/grpc/grpc_client.h"
#include "lib/grpc/grpc_server.h"
#include "lib/link/link_table.h"

namespace zkq {
inline namespace v1 {
namespace {

using link::LinkTable;
using link::TableOptions;
using transport::GrpcClient;
using transport::GrpcServer;
using transport::Rpcs;

// What must outlive this object, because an RPC may end a moment after it, is
// shared with the RPCs: the table and the registry of calls.
class GrpcTransport final : public QuorumTransport {
 public:
  explicit GrpcTransport(GrpcTransportOptions options)
      : listen_address_(std::move(options.listen_address)),
        table_(std::make_shared<LinkTable>(
            TableOptions{.bounds = {.outbound_bytes_max = options.outbound_bytes_max,
                                    .inbound_bytes_max = options.inbound_bytes_max},
                         .unlisted_max = options.unlisted_max,
                         .log_sink = std::move(options.log_sink)})) {}

  ~GrpcTransport() override { Shutdown(); }

  absl::Status Start(const Env& env, const Identity& self, Receiver* receiver) override {
    const bool asks_only = self.sid == kNoServer;
    // Nobody dials a server that was given no id, so it needs no address.
    const bool hidden = self.sid > kServerIdMax && listen_address_.empty();
    if (asks_only && !listen_address_.empty()) {
      return absl::InvalidArgumentError(
          "a transport with sid 0 asks only, and has no listen_address");
    }
    rpcs_->Start(env.blocking_executor);
    table_->Start(env, self, receiver);
    if (asks_only || hidden) {
      table_->StartDialling(std::make_shared<GrpcClient>(rpcs_, self));
      return absl::OkStatus();
    }
    auto server = GrpcServer::Listen(listen_address_, table_, rpcs_);
    if (!server.ok()) {
      table_->Shutdown();
      return server.status();
    }
    server_ = *std::move(server);
    table_->StartDialling(std::make_shared<GrpcClient>(rpcs_, self));
    return absl::OkStatus();
  }

  std::string listen_address() const override {
    return server_ == nullptr ? std::string() : server_->address();
  }

  void SetIdentity(const Identity& self) override { table_->SetIdentity(self); }
  AddressCheck address_check() const override { return WhyNotDialled; }
  void SetMembers(absl::Span<const Member> members) override { table_->SetMembers(members); }
  void Send(std::span<const LinkId> to, Message message) override { table_->Send(to, message); }
  void Notify(ServerId to, const Notification& notification) override {
    table_->Notify(to, notification);
  }
  void DropLink(const LinkId& link) override { table_->DropLink(link); }
  void FetchSnapshot(const LinkId& link, const SnapshotRequest& request,
                     SnapshotSink sink) override {
    table_->FetchSnapshot(link, request, std::move(sink));
  }

  void Ask(ServerId to, Question question, absl::Duration timeout, Answer done) override {
    table_->Ask(to, std::move(question), timeout, std::move(done));
  }

  LinkCounters counters() const override { return table_->counters(); }
  std::vector<LinkState> links() const override { return table_->links(); }

  void Shutdown() override {
    std::call_once(shut_down_, [this] {
      table_->Shutdown();
      rpcs_->Stop();
      if (server_ != nullptr) server_->Shutdown();
      rpcs_->AwaitNone(std::chrono::milliseconds(500));
    });
  }

 private:
  const std::string listen_address_;
  const std::shared_ptr<Rpcs> rpcs_ = std::make_shared<Rpcs>();
  const std::shared_ptr<LinkTable> table_;
  std::unique_ptr<GrpcServer> server_;
  std::once_flag shut_down_;
};

}  // namespace

std::unique_ptr<QuorumTransport> NewGrpcTransport(GrpcTransportOptions options) {
  return std::make_unique<GrpcTransport>(std::move(options));
}

}  // namespace v1
}  // namespace zkq
