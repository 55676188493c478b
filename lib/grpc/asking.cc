#include "lib/grpc/asking.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include <grpcpp/client_context.h>

#include "absl/time/clock.h"
#include "lib/grpc/channels.h"
#include "lib/grpc/dial_failure.h"
#include "lib/grpc/grpc_bytes.h"
#include "zkq/v1/quorum.grpc.pb.h"

namespace zkq::transport {
namespace {

void Put(const Id128& id, wire::v1::Id128* message) {
  message->set_high(id.high);
  message->set_low(id.low);
}
Id128 Read(const wire::v1::Id128& message) { return {message.high(), message.low()}; }

// AskRequest and AskReply have these in common.
template <typename T>
void Put(const Asker& asker, T* message) {
  Put(asker.ensemble, message->mutable_ensemble());
  message->set_sid(ToInt(asker.id));
  Put(asker.disk, message->mutable_disk());
  message->set_boot(asker.boot);
}
template <typename T>
Asker ReadAsker(const T& message) {
  return {.id = ServerId{message.sid()},
          .disk = Read(message.disk()),
          .boot = message.boot(),
          .ensemble = Read(message.ensemble())};
}

// One question from here. Lives until its end.
class AskRpc final : public Rpc {
 public:
  AskRpc(std::string address, link::AskDone done, std::shared_ptr<Rpcs> rpcs)
      : address_(std::move(address)), done_(std::move(done)), rpcs_(std::move(rpcs)) {}

  void Begin(const Identity& self, const link::AskRequest& request, absl::Duration timeout) {
    if (!rpcs_->Add(this)) {
      std::move(done_)(absl::UnavailableError("shut down"));
      delete this;
      return;
    }
    stub_ = v1::Quorum::NewStub(NewLinkChannel(address_, self));
    Put(request.from, &request_);
    request_.set_to(ToInt(request.to));
    request_.set_kind(request.question.kind);
    request_.set_bytes(request.question.bytes);
    if (timeout != absl::InfiniteDuration()) {
      context_.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    }
    stub_->async()->Ask(&context_, &request_, &reply_,
                        [this](const grpc::Status& status) { OnDone(status); });
  }
  void Cancel() override { context_.TryCancel(); }

 private:
  void OnDone(const grpc::Status& status) {
    if (status.ok()) {
      std::move(done_)(link::AskReply{.from = ReadAsker(reply_),
                                      .code = static_cast<absl::StatusCode>(reply_.code()),
                                      .text = reply_.text(),
                                      .bytes = std::move(*reply_.mutable_bytes())});
    } else {
      const absl::Status why = ShortenDialFailure(address_, FromGrpc(status));
      std::move(done_)(NameStranger(address_, why));
    }
    const auto rpcs = rpcs_;
    rpcs->Remove(rpc_id, std::shared_ptr<AskRpc>(this));
  }

  std::unique_ptr<v1::Quorum::Stub> stub_;
  grpc::ClientContext context_;
  v1::AskRequest request_;
  v1::AskReply reply_;
  const std::string address_;
  link::AskDone done_;
  const std::shared_ptr<Rpcs> rpcs_;
};

// One question to this server. Lives until OnDone. Ends by the receiver's answer, or when it is
// cancelled, by the asker or by a shutdown: who comes first takes the reactor out of `open_`.
class AskedRpc final : public grpc::ServerUnaryReactor, public Rpc {
 public:
  // What an answer finds that comes when all is over.
  struct Open {
    std::mutex mutex;
    AskedRpc* rpc = nullptr;
    AskedRpc* Take() {
      const std::lock_guard lock(mutex);
      return std::exchange(rpc, nullptr);
    }
  };

  AskedRpc(grpc::CallbackServerContext* context, v1::AskReply* reply, std::shared_ptr<Rpcs> rpcs)
      : context_(context), reply_(reply), rpcs_(std::move(rpcs)) {
    open_->rpc = this;
  }

  void Begin(link::AskRequest request, link::LinkTable* table) {
    const std::shared_ptr<Open> open = open_;
    if (!rpcs_->Add(this)) {
      if (open->Take() != nullptr) Finish(ToGrpc(absl::UnavailableError("shut down")));
      return;
    }
    const absl::Time deadline = absl::FromChrono(context_->deadline());
    const absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
    table->OnAsked(std::move(request), left, [open](absl::StatusOr<link::AskReply> reply) {
      if (AskedRpc* const rpc = open->Take()) rpc->Answer(std::move(reply));
    });
  }
  void Cancel() override { context_->TryCancel(); }
  void OnCancel() override {
    if (open_->Take() != nullptr) Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override {
    rpcs_->Remove(rpc_id);
    delete this;
  }

 private:
  void Answer(absl::StatusOr<link::AskReply> reply) {
    if (!reply.ok()) return Finish(ToGrpc(reply.status()));
    Put(reply->from, reply_);
    reply_->set_code(static_cast<uint32_t>(reply->code));
    reply_->set_text(std::move(reply->text));
    reply_->set_bytes(std::move(reply->bytes));
    Finish(grpc::Status::OK);
  }

  grpc::CallbackServerContext* const context_;
  v1::AskReply* const reply_;
  const std::shared_ptr<Rpcs> rpcs_;
  const std::shared_ptr<Open> open_ = std::make_shared<Open>();
};

}  // namespace

void BeginAsk(const std::string& address, const Identity& self, const link::AskRequest& request,
              absl::Duration timeout, link::AskDone done, std::shared_ptr<Rpcs> rpcs) {
  (new AskRpc(address, std::move(done), std::move(rpcs)))->Begin(self, request, timeout);
}

grpc::ServerUnaryReactor* ServeAsk(grpc::CallbackServerContext* context,
                                   const v1::AskRequest& request, v1::AskReply* reply, bool local,
                                   link::LinkTable* table, std::shared_ptr<Rpcs> rpcs) {
  auto* const rpc = new AskedRpc(context, reply, std::move(rpcs));
  link::AskRequest asked{.from = ReadAsker(request),
                         .to = ServerId{request.to()},
                         .question = {.kind = request.kind(), .bytes = request.bytes()}};
  asked.from.local = local;
  rpc->Begin(std::move(asked), table);
  return rpc;
}

}  // namespace zkq::transport
