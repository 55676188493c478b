#include "lib/grpc/serve_snapshot.h"

#include <mutex>
#include <utility>

#include "lib/base/crc32c.h"
#include "lib/grpc/grpc_bytes.h"

namespace zkq::transport {
namespace {

// One transfer. Kept alive by `self_` until OnDone, and by a reply that is still
// awaited.
class Transfer final : public grpc::ServerWriteReactor<v1::Chunk>,
                       public link::LinkListener,
                       public Rpc,
                       public std::enable_shared_from_this<Transfer> {
 public:
  Transfer(grpc::CallbackServerContext* context, const v1::FetchRequest& request,
           std::shared_ptr<link::LinkTable> table, std::shared_ptr<Rpcs> rpcs)
      : context_(context),
        table_(std::move(table)),
        rpcs_(std::move(rpcs)),
        asked_{.snapshot = {request.snapshot().epoch(), request.snapshot().counter()},
               .offset = request.offset()} {}

  void Begin(const LinkId& caller, ServerId to) {
    self_ = shared_from_this();
    const bool known = rpcs_->Add(this);
    if (known && to == table_->self().sid) link_ = table_->Find(caller);
    if (link_ == nullptr || !link_->AddListener(weak_from_this())) {
      End(absl::FailedPreconditionError("a snapshot is asked for over a link that is not live"));
      return;
    }
    Ask();
  }

  void Cancel() override { context_->TryCancel(); }
  void OnLinkClosed() override { rpcs_->Cancel(rpc_id); }

  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      busy_ = false;
    }
    if (!ok) {
      End(absl::AbortedError("the transfer is cut off"));
    } else if (chunk_.last()) {
      End(absl::OkStatus());
    } else {
      Ask();
    }
  }
  void OnCancel() override { End(absl::AbortedError("the transfer is cut off")); }
  void OnDone() override {
    rpcs_->Remove(rpc_id);
    self_.reset();
  }

 private:
  // The receiver's way back to the transfer; dropped without an answer, it ends
  // the transfer.
  class Reply {
   public:
    explicit Reply(std::shared_ptr<Transfer> transfer) : transfer_(std::move(transfer)) {}
    Reply(Reply&&) = default;
    ~Reply() {
      if (transfer_ != nullptr) transfer_->End(absl::UnavailableError("no answer"));
    }
    void operator()(absl::StatusOr<SnapshotChunk> chunk) && {
      std::exchange(transfer_, nullptr)->OnAnswer(std::move(chunk));
    }

   private:
    std::shared_ptr<Transfer> transfer_;
  };

  void Ask() { table_->AskSnapshot(link_, asked_, Reply(shared_from_this())); }

  void OnAnswer(absl::StatusOr<SnapshotChunk> chunk) {
    if (!chunk.ok()) {
      End(chunk.status());
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      busy_ = true;  // From here on only OnWriteDone ends it.
    }
    asked_.offset = chunk->offset + chunk->bytes.size();
    chunk_.set_offset(chunk->offset);
    chunk_.set_crc32c(Crc32c(chunk->bytes));
    chunk_.set_last(chunk->last);
    chunk_.set_bytes(std::move(chunk->bytes));
    StartWrite(&chunk_);
  }

  // Finishes once, and not while a write is under way: its end does it then.
  void End(const absl::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_ || busy_) return;
      ended_ = true;
    }
    Finish(ToGrpc(status));
  }

  grpc::CallbackServerContext* const context_;
  const std::shared_ptr<link::LinkTable> table_;
  const std::shared_ptr<Rpcs> rpcs_;
  link::LiveLinkPtr link_;
  SnapshotRequest asked_;
  v1::Chunk chunk_;
  std::shared_ptr<Transfer> self_;
  std::mutex mutex_;
  bool busy_ = false;   // a write is under way
  bool ended_ = false;  // Finish was called
};

}  // namespace

grpc::ServerWriteReactor<v1::Chunk>* ServeSnapshot(grpc::CallbackServerContext* context,
                                                   const v1::FetchRequest& request,
                                                   std::shared_ptr<link::LinkTable> table,
                                                   std::shared_ptr<Rpcs> rpcs) {
  const auto transfer =
      std::make_shared<Transfer>(context, request, std::move(table), std::move(rpcs));
  transfer->Begin({.sid = ServerId{request.from_sid()},
                   .boot = request.from_boot(),
                   .seq = request.stream_seq()},
                  ServerId{request.to()});
  return transfer.get();
}

}  // namespace zkq::transport
