#include "lib/grpc/grpc_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <latch>
#include <optional>
#include <utility>

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

#include "lib/base/absl/string_view.h"
#include "lib/grpc/acceptor.h"
#include "lib/grpc/asking.h"
#include "lib/grpc/channels.h"
#include "lib/grpc/grpc_bytes.h"
#include "lib/grpc/loopback.h"
#include "zkq/v1/quorum.grpc.pb.h"
#include "zkq/wire.h"

namespace zkq::transport {
namespace {

// How long an ending stream may take to tell the other side why. One that does
// not read is not worth more.
constexpr absl::Duration kLinger = absl::Milliseconds(200);
// After this time a connection that carries no RPC is closed.
constexpr int kIdleMs = 10'000;

// The dialled one's end of a link or a transfer. Lives until OnDone.
class ServerStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                           public link::Stream,
                           public Rpc {
 public:
  ServerStream(grpc::CallbackServerContext* context, std::shared_ptr<link::LinkTable> table,
               std::shared_ptr<Rpcs> rpcs)
      : context_(context), table_(std::move(table)), rpcs_(std::move(rpcs)) {}

  void Begin(absl::StatusOr<link::LinkPtr> accepted) {
    if (!accepted.ok()) return Finish(ToGrpc(accepted.status()));
    link_ = *std::move(accepted);
    if (!rpcs_->Add(this)) return Finish(ToGrpc(absl::UnavailableError("shut down")));
    link_->Attach(this);
  }

  void Read() override { StartRead(&in_); }
  void Write(link::Outgoing frame) override {
    out_ = ToByteBuffer(std::move(frame));
    StartWrite(&out_);
  }
  void AbortSoon() override {
    table_->executor().RunAfter(kLinger, [rpcs = rpcs_, id = rpc_id] { rpcs->Cancel(id); });
  }
  void Cancel() override { context_->TryCancel(); }
  void Close(const absl::Status& why) override {
    AbortSoon();
    Finish(ToGrpc(why));
  }

  void OnReadDone(bool ok) override {
    if (ok) {
      link_->OnRead(FromByteBuffer(std::exchange(in_, {})));
    } else {
      link_->OnReadFailed(absl::UnavailableError("the peer has closed the stream"));
    }
  }
  void OnWriteDone(bool ok) override {
    out_.Clear();
    link_->OnWritten(ok);
  }
  // The only sign of the peer's end while nothing is read.
  void OnCancel() override {
    if (link_ != nullptr) link_->OnReadFailed(absl::UnavailableError("the peer is gone"));
  }
  void OnDone() override {
    rpcs_->Remove(rpc_id);
    if (link_ != nullptr) link_->OnEnded(absl::OkStatus());
    delete this;
  }

 private:
  grpc::CallbackServerContext* const context_;
  const std::shared_ptr<link::LinkTable> table_;
  const std::shared_ptr<Rpcs> rpcs_;
  link::LinkPtr link_;
  grpc::ByteBuffer in_, out_;
};

using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;
using RawService = v1::Quorum::WithRawCallbackMethod_Link<
    v1::Quorum::WithRawCallbackMethod_FetchSnapshot<v1::Quorum::WithCallbackMethod_Knock<
        v1::Quorum::WithCallbackMethod_Ask<v1::Quorum::Service>>>>;

class Service final : public RawService {
 public:
  // `local`: all its connections come from this machine.
  Service(bool local, std::shared_ptr<link::LinkTable> table, std::shared_ptr<Rpcs> rpcs)
      : local_(local), table_(std::move(table)), rpcs_(std::move(rpcs)) {}

  Reactor* Link(grpc::CallbackServerContext* context) override {
    return Serve(context, table_->Accept());
  }

  Reactor* FetchSnapshot(grpc::CallbackServerContext* context) override {
    return Serve(context, table_->AcceptTransfer());
  }

  grpc::ServerUnaryReactor* Knock(grpc::CallbackServerContext* context,
                                  const v1::KnockRequest* request, v1::KnockReply*) override {
    const auto from = DecodeIdentity(request->from().SerializeAsString());
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(ToGrpc(table_->OnKnock(from, ServerId{request->to()})));
    return reactor;
  }

  grpc::ServerUnaryReactor* Ask(grpc::CallbackServerContext* context, const v1::AskRequest* request,
                                v1::AskReply* reply) override {
    return ServeAsk(context, *request, reply, local_, table_.get(), rpcs_);
  }

 private:
  Reactor* Serve(grpc::CallbackServerContext* context, absl::StatusOr<link::LinkPtr> accepted) {
    auto* const stream = new ServerStream(context, table_, rpcs_);
    stream->Begin(std::move(accepted));
    return stream;
  }

  const bool local_;
  const std::shared_ptr<link::LinkTable> table_;
  const std::shared_ptr<Rpcs> rpcs_;
};

// Connections that come over loopback go to a server of gRPC's of their own. Of a connection
// that was handed to it gRPC 1.51 tells a call nothing but the number of its file descriptor, which
// may name another connection by then: who is local must not hang on that.
class Server final : public GrpcServer {
 public:
  Server(std::unique_ptr<Acceptor> acceptor, std::shared_ptr<link::LinkTable> table,
         std::shared_ptr<Rpcs> rpcs)
      : table_(table),
        local_service_(true, table, rpcs),
        service_(false, std::move(table), std::move(rpcs)),
        acceptor_(std::move(acceptor)) {}

  absl::Status Start() {
    // Before gRPC starts threads: where none is left, it would end the process.
    if (!acceptor_->Begin([this](Fd connection) { Serve(std::move(connection)); })) {
      return absl::ResourceExhaustedError("no thread can be started");
    }
    local_server_ = Build(&local_service_);
    server_ = Build(&service_);
    built_.count_down();
    return has_servers() ? absl::OkStatus() : absl::InternalError("gRPC does not start a server");
  }

  std::string address() const override { return acceptor_->address(); }

  void Shutdown() override {
    acceptor_->Stop();
    const auto deadline = std::chrono::system_clock::now() + std::chrono::milliseconds(500);
    for (grpc::Server* const server : {local_server_.get(), server_.get()}) {
      server->Shutdown(deadline);
      server->Wait();
    }
  }

 private:
  bool has_servers() const { return local_server_ != nullptr && server_ != nullptr; }

  static std::unique_ptr<grpc::Server> Build(Service* service) {
    grpc::ServerBuilder builder;
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 8 << 10);
    // A link, a knock, a question, and transfers, each on a connection of its own.
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 4);
    // A connection without any: also one that does not speak HTTP/2.
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMs);
    // The limit of a message counts what comes, not what it swells to.
    builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
    builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
    builder.SetMaxReceiveMessageSize(kGrpcMessageBytesMax);
    builder.SetMaxSendMessageSize(kGrpcMessageBytesMax);
    builder.RegisterService(service);
    return builder.BuildAndStart();
  }

  // On the acceptor's thread.
  void Serve(Fd connection) {
    built_.wait();
    if (!has_servers()) return;
    const int limit_ms = UnacknowledgedMsMax(table_->self());
    setsockopt(connection.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof(limit_ms));
    const bool local = IsFromHere(connection);
    grpc::AddInsecureChannelFromFd(local ? local_server_.get() : server_.get(),
                                   connection.Release());
  }

  static bool IsFromHere(const Fd& connection) {
    sockaddr_storage peer = {}, own = {};
    socklen_t peer_size = sizeof(peer), own_size = sizeof(own);
    return getpeername(connection.get(), reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0 &&
           getsockname(connection.get(), reinterpret_cast<sockaddr*>(&own), &own_size) == 0 &&
           IsLocal(peer, own);
  }

  const std::shared_ptr<link::LinkTable> table_;
  Service local_service_, service_;
  std::unique_ptr<grpc::Server> local_server_, server_;
  std::latch built_{1};  // from then on the servers are fixed
  const std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Listen(
    const std::string& address, std::shared_ptr<link::LinkTable> table,
    std::shared_ptr<Rpcs> rpcs) {
  auto acceptor = Acceptor::Listen(address);
  if (!acceptor.ok()) return acceptor.status();
  auto server = std::make_unique<Server>(*std::move(acceptor), std::move(table), std::move(rpcs));
  if (absl::Status started = server->Start(); !started.ok()) return started;
  return server;
}

}  // namespace zkq::transport
