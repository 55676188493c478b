#include "lib/grpc/grpc_client.h"

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include "absl/time/clock.h"
#include "lib/grpc/asking.h"
#include "lib/grpc/channels.h"
#include "lib/grpc/dial_failure.h"
#include "lib/grpc/grpc_bytes.h"
#include "lib/link/handshake.h"
#include "zkq/v1/quorum.grpc.pb.h"
#include "zkq/wire.h"

namespace zkq::transport {
namespace {

// What is known of the server that is called.
enum class Callee { kStranger, kPeer };

// The dialler's end of a link or a transfer. Lives until its end. It holds the call
// (AddHold) as long as the link may use it, since the link writes from any
// thread.
class ClientStream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                           public link::Stream,
                           public Rpc {
 public:
  ClientStream(std::string address, Callee callee, link::LinkPtr link, std::shared_ptr<Rpcs> rpcs)
      : address_(std::move(address)),
        link_(std::move(link)),
        rpcs_(std::move(rpcs)),
        callee_(callee) {}

  // `make_channel` is not called after a shutdown.
  void Begin(const char* method,
             const std::function<std::shared_ptr<grpc::Channel>()>& make_channel) {
    if (!rpcs_->Add(this)) {
      link_->OnEnded(absl::UnavailableError("shut down"));
      delete this;
      return;
    }
    stub_.emplace(make_channel());
    stub_->PrepareBidiStreamingCall(&context_, method, {}, this);
    AddHold();
    StartCall();
    link_->Attach(this);
  }

  void Read() override { StartRead(&in_); }
  void Write(link::Outgoing frame) override {
    out_ = ToByteBuffer(std::move(frame));
    StartWrite(&out_);
  }
  void AbortSoon() override { context_.TryCancel(); }
  void Cancel() override { context_.TryCancel(); }
  void Close(const absl::Status&) override {
    // A cancellation could displace the status that the peer has ended it with.
    if (!ended_by_peer_) context_.TryCancel();
    RemoveHold();
  }

  void OnReadDone(bool ok) override {
    if (ok) {
      callee_ = Callee::kPeer;
      link_->OnRead(FromByteBuffer(std::exchange(in_, {})));
    } else {
      ended_by_peer_ = true;
      link_->OnReadFailed({});
    }
  }
  void OnWriteDone(bool ok) override {
    out_.Clear();
    link_->OnWritten(ok);
  }
  void OnDone(const grpc::Status& status) override {
    absl::Status why = ShortenDialFailure(address_, FromGrpc(status));
    if (callee_ == Callee::kStranger) why = NameStranger(address_, std::move(why));
    link_->OnEnded(std::move(why));
    const auto rpcs = rpcs_;
    rpcs->Remove(rpc_id, std::shared_ptr<ClientStream>(this));
  }

 private:
  std::optional<grpc::GenericStub> stub_;
  grpc::ClientContext context_;
  const std::string address_;
  const link::LinkPtr link_;
  const std::shared_ptr<Rpcs> rpcs_;
  grpc::ByteBuffer in_, out_;
  Callee callee_;  // OnDone comes after the last OnReadDone
  std::atomic<bool> ended_by_peer_ = false;
};

// One Knock. Lives until its end.
class KnockRpc final : public Rpc {
 public:
  KnockRpc(std::string address, link::Dialler::KnockDone done, std::shared_ptr<Rpcs> rpcs)
      : address_(std::move(address)), done_(std::move(done)), rpcs_(std::move(rpcs)) {}

  void Begin(const Identity& from, ServerId to) {
    if (!rpcs_->Add(this)) {
      std::move(done_)(absl::UnavailableError("shut down"));
      delete this;
      return;
    }
    stub_ = v1::Quorum::NewStub(NewLinkChannel(address_, from));
    request_.mutable_from()->ParseFromString(Encode(from));
    request_.set_to(ToInt(to));
    context_.set_deadline(absl::ToChronoTime(absl::Now() + link::AttemptLimit(from)));
    stub_->async()->Knock(&context_, &request_, &reply_, [this](const grpc::Status& status) {
      const absl::Status why = ShortenDialFailure(address_, FromGrpc(status));
      std::move(done_)(NameStranger(address_, why));
      const auto rpcs = rpcs_;
      rpcs->Remove(rpc_id, std::shared_ptr<KnockRpc>(this));
    });
  }
  void Cancel() override { context_.TryCancel(); }

 private:
  std::unique_ptr<v1::Quorum::Stub> stub_;
  grpc::ClientContext context_;
  v1::KnockRequest request_;
  v1::KnockReply reply_;
  const std::string address_;
  link::Dialler::KnockDone done_;
  const std::shared_ptr<Rpcs> rpcs_;
};

}  // namespace

absl::Status GrpcClient::Dial(const std::string& address, link::LinkPtr link) {
  if (++waiting_dials_ > kWaitingDialsMax) {
    --waiting_dials_;
    return absl::ResourceExhaustedError("no thread is free to dial");
  }
  rpcs_->RunBlocking([self = shared_from_this(), address, link = std::move(link)]() mutable {
    --self->waiting_dials_;
    (new ClientStream(address, Callee::kStranger, std::move(link), self->rpcs_))
        ->Begin("/zkq.v1.Quorum/Link", [&] { return NewLinkChannel(address, self->self_); });
  });
  return absl::OkStatus();
}

void GrpcClient::Fetch(const std::string& address, link::LinkPtr transfer) {
  rpcs_->RunBlocking([self = shared_from_this(), address, link = std::move(transfer)]() mutable {
    (new ClientStream(address, Callee::kPeer, std::move(link), self->rpcs_))
        ->Begin("/zkq.v1.Quorum/FetchSnapshot",
                [&] { return NewBulkChannel(address, self->self_); });
  });
}

void GrpcClient::Knock(const std::string& address, const Identity& from, ServerId to,
                       KnockDone done) {
  rpcs_->RunBlocking([rpcs = rpcs_, address, from, to, done = std::move(done)]() mutable {
    (new KnockRpc(address, std::move(done), std::move(rpcs)))->Begin(from, to);
  });
}

void GrpcClient::Ask(const std::string& address, link::AskRequest request, absl::Duration timeout,
                     link::AskDone done) {
  rpcs_->RunBlocking([self = shared_from_this(), address, request = std::move(request), timeout,
                      done = std::move(done)]() mutable {
    BeginAsk(address, self->self_, request, timeout, std::move(done), self->rpcs_);
  });
}

}  // namespace zkq::transport
