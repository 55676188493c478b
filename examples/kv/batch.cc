#include "batch.h"

#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "commands.h"
#include "service.h"

namespace kv {
namespace {

using Callback = zkq::Replica::Callback<zkq::Reply>;

pb::Command ToCommand(pb::BatchRequest& request) {
  pb::Command command;
  switch (request.op_case()) {
    case pb::BatchRequest::kPut:
      *command.mutable_put() = std::move(*request.mutable_put());
      break;
    case pb::BatchRequest::kDelete:
      *command.mutable_delete_() = std::move(*request.mutable_delete_());
      break;
    case pb::BatchRequest::kCas:
      *command.mutable_cas() = std::move(*request.mutable_cas());
      break;
    default:
      break;
  }
  return command;
}

google::protobuf::Message* ResultOf(pb::BatchRequest::OpCase op, pb::BatchResponse* response) {
  switch (op) {
    case pb::BatchRequest::kPut:
      return response->mutable_put();
    case pb::BatchRequest::kGet:
      return response->mutable_get();
    case pb::BatchRequest::kDelete:
      return response->mutable_delete_();
    case pb::BatchRequest::kCas:
      return response->mutable_cas();
    case pb::BatchRequest::OP_NOT_SET:
      break;
  }
  return nullptr;  // never asked and answered with success
}

pb::BatchResponse ToResponse(uint64_t id, pb::BatchRequest::OpCase op,
                             absl::StatusOr<zkq::Reply> reply) {
  pb::BatchResponse response;
  const absl::Status status =
      reply.ok() ? ReadAnswer(reply->value, ResultOf(op, &response)) : std::move(reply).status();
  if (!status.ok()) {
    response.Clear();
    response.set_code(static_cast<uint32_t>(status.code()));
    response.set_outcome_unknown(zkq::GetErrorInfo(status).outcome == zkq::Outcome::kUnknown);
    response.set_error(std::string(status.message()));
  }
  response.set_id(id);
  return response;
}

// gRPC calls the On… methods, one read and one write at a time; the replica calls
// Answered. Lives until the client has ended the stream (or is gone) and every
// call has been answered, which the replica promises for each.
class BatchCall final : public grpc::ServerBidiReactor<pb::BatchRequest, pb::BatchResponse> {
 public:
  BatchCall(zkq::Replica& replica, grpc::CallbackServerContext& context)
      : replica_(replica), context_(context) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok || !Open()) return Ended();
    Start();
    if (ReadOn()) StartRead(&request_);
  }

  void OnWriteDone(bool ok) override {
    bool resume = false;
    {
      std::lock_guard lock(mutex_);
      answers_.pop_front();
      --open_;
      resume = std::exchange(paused_, false);
      if (!ok) gone_ = true;
    }
    if (resume) StartRead(&request_);
    WriteNext();
  }

  void OnCancel() override {
    std::lock_guard lock(mutex_);
    gone_ = true;
  }

  void OnDone() override { delete this; }

 private:
  // False once the client is gone: the stream may be finished already, and must
  // not be when the answer comes.
  bool Open() {
    std::lock_guard lock(mutex_);
    if (gone_) return false;
    ++open_;
    return true;
  }

  bool ReadOn() {
    std::lock_guard lock(mutex_);
    paused_ = open_ >= kBatchCallsMax;
    return !paused_;
  }

  void Start() {
    const uint64_t id = request_.id();
    const pb::BatchRequest::OpCase op = request_.op_case();
    Callback done = [this, id, op](absl::StatusOr<zkq::Reply> reply) {
      Answered(ToResponse(id, op, std::move(reply)));
    };
    const absl::Duration timeout = zkq::TimeoutFor(context_, kTimeoutMax);
    if (op == pb::BatchRequest::kGet) {
      const bool serializable = request_.get().serializable();
      pb::Query query;
      *query.mutable_get() = std::move(*request_.mutable_get());
      replica_.Read(EncodeQuery(std::move(query)),
                    {.timeout = timeout, .consistency = ConsistencyFor(serializable)},
                    std::move(done));
      return;
    }
    absl::StatusOr<std::string> command = EncodeCommand(ToCommand(request_));
    if (command.ok()) {
      replica_.Propose(*std::move(command), {.timeout = timeout}, std::move(done));
    } else {
      std::move(done)(std::move(command).status());
    }
  }

  void Answered(pb::BatchResponse response) {
    {
      std::lock_guard lock(mutex_);
      answers_.push_back(std::move(response));
      if (std::exchange(writing_, true)) return;
    }
    WriteNext();
  }

  void Ended() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
      if (std::exchange(writing_, true)) return;
    }
    WriteNext();
  }

  // Writes the next answer or finishes. Only for the thread that has set `writing_`,
  // without the mutex: gRPC is never called with it held.
  void WriteNext() {
    const pb::BatchResponse* next = nullptr;
    {
      std::lock_guard lock(mutex_);
      if (gone_) {  // Nobody reads the answers any more.
        open_ -= answers_.size();
        answers_.clear();
      }
      if (!answers_.empty()) {
        next = &answers_.front();
      } else if (open_ > 0 || !(ended_ || gone_)) {
        writing_ = false;
      }
      if (!writing_) return;
    }
    if (next != nullptr) {
      StartWrite(next);
    } else {
      Finish(grpc::Status::OK);
    }
  }

  zkq::Replica& replica_;
  grpc::CallbackServerContext& context_;
  pb::BatchRequest request_;  // the reader's

  std::mutex mutex_;                       // of all that follows
  std::deque<pb::BatchResponse> answers_;  // the front one is being written
  size_t open_ = 0;                        // asked, and the answer is not sent yet
  bool writing_ = false;                   // somebody is in, or will come to, WriteNext
  bool paused_ = false;                    // reading waits for an answer to leave
  bool ended_ = false;                     // no request comes any more
  bool gone_ = false;
};

}  // namespace

grpc::ServerBidiReactor<pb::BatchRequest, pb::BatchResponse>* NewBatchCall(
    zkq::Replica& replica, grpc::CallbackServerContext& context) {
  return new BatchCall(replica, context);
}

}  // namespace kv
