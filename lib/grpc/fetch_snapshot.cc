// The reading side of FetchSnapshot.
#include <mutex>
#include <string>
#include <utility>

#include <grpcpp/client_context.h>

#include "lib/base/crc32c.h"
#include "lib/grpc/grpc_bytes.h"
#include "lib/grpc/grpc_client.h"
#include "zkq/v1/quorum.grpc.pb.h"

namespace zkq::transport {
namespace {

// One transfer. Kept alive by `self_` until OnDone, and by a hold that was given
// out. It holds the call (AddHold) from the start to the end of reading, since
// the next read begins where the hold is released.
class Fetch final : public grpc::ClientReadReactor<v1::Chunk>,
                    public link::LinkListener,
                    public Rpc,
                    public std::enable_shared_from_this<Fetch> {
 public:
  Fetch(const std::string& address, std::shared_ptr<link::LinkTable> table,
        std::shared_ptr<Rpcs> rpcs, QuorumTransport::SnapshotSink sink)
      : address_(address),
        table_(std::move(table)),
        rpcs_(std::move(rpcs)),
        sink_(std::move(sink)),
        connection_(std::make_shared<Connection>(address)) {}

  void Begin(const link::LiveLinkPtr& link, const v1::FetchRequest& request) {
    request_ = request;
    offset_ = request.offset();
    self_ = shared_from_this();
    // Until StartCall has returned, Stop() must not release the hold: Begin does it below.
    reading_ = true;
    if (!rpcs_->Add(this)) {  // shut down: the sink is not called any more
      self_.reset();
      return;
    }
    connection_->stub->async()->FetchSnapshot(&connection_->context, &request_, this);
    AddHold();
    StartCall();
    if (!link->AddListener(weak_from_this())) Stop(absl::UnavailableError("the link is down"));
    bool stopped;
    {
      const std::lock_guard lock(mutex_);
      reading_ = false;
      stopped = stopped_;
    }
    return stopped ? LetGo() : Next();
  }

  void Cancel() override { Stop(absl::CancelledError("shut down")); }
  void OnLinkClosed() override { Stop(absl::UnavailableError("the link is down")); }

  void OnReadDone(bool ok) override {
    absl::Status bad = ok ? Check() : absl::OkStatus();
    bool stopped;
    {
      const std::lock_guard lock(mutex_);
      reading_ = false;
      stopped = stopped_;
    }
    if (!ok) {
      LetGo();  // How it has ended, OnDone is told.
    } else if (stopped || !bad.ok()) {
      Stop(std::move(bad));
    } else {
      Deliver();
    }
  }

  void OnDone(const grpc::Status& status) override {
    const auto self = std::move(self_);
    std::shared_ptr<Connection> connection;
    absl::Status why;
    {
      const std::lock_guard lock(mutex_);
      connection.swap(connection_);
      why = std::move(why_);
    }
    if (sink_ != nullptr) {
      const bool by_itself = why.ok();
      if (by_itself) why = FromGrpc(status);
      if (by_itself && absl::IsUnavailable(why) && offset_ == request_.offset()) {
        table_->OnFetchFailed(ServerId{request_.to()}, address_);
      }
      if (why.ok()) why = absl::DataLossError("the snapshot ends before its last byte");
      GiveToSink(std::move(why), nullptr);
      sink_ = nullptr;
    }
    rpcs_->Remove(rpc_id, std::move(connection));
  }

 private:
  struct Connection {
    explicit Connection(const std::string& address)
        : stub(v1::Quorum::NewStub(NewBulkChannel(address))) {}
    const std::unique_ptr<v1::Quorum::Stub> stub;
    grpc::ClientContext context;
  };

  void Next() {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      reading_ = true;
    }
    chunk_.Clear();
    StartRead(&chunk_);
  }

  absl::Status Check() const {
    const char* wrong = nullptr;
    if (chunk_.offset() != offset_) {
      wrong = "is missing";
    } else if (chunk_.crc32c() != Crc32c(chunk_.bytes())) {
      wrong = "has changed on its way";
    }
    if (wrong == nullptr) return absl::OkStatus();
    return absl::DataLossError("the piece of the snapshot at byte " + std::to_string(offset_) +
                               " " + wrong);
  }

  void Deliver() {
    SnapshotChunk chunk{
        .offset = offset_, .bytes = std::move(*chunk_.mutable_bytes()), .last = chunk_.last()};
    offset_ += chunk.bytes.size();
    const bool last = chunk.last;
    // Kept here as well: no read begins before the sink has said whether it wants more.
    const Hold hold(this, [self = shared_from_this()](void*) { self->Next(); });
    if (GiveToSink(std::move(chunk), hold) && !last) return;
    sink_ = nullptr;
    Stop(absl::OkStatus());
  }

  // False: the sink wants no more, or may not be called any more.
  bool GiveToSink(absl::StatusOr<SnapshotChunk> chunk, Hold hold) {
    if (!table_->gate().Enter()) return false;
    const bool wants_more = sink_(std::move(chunk), std::move(hold));
    table_->gate().Leave();
    return wants_more;
  }

  // Ends the call from this side, with `why` for the sink if it still waits.
  void Stop(absl::Status why) {
    {
      const std::lock_guard lock(mutex_);
      if (connection_ == nullptr) return;  // it is over
      stopped_ = true;
      if (why_.ok()) why_ = std::move(why);
      connection_->context.TryCancel();
    }
    LetGo();
  }

  // Lets go of the call, once, and not while a read is under way: the read's end
  // does it then.
  void LetGo() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      if (reading_ || released_) return;
      released_ = true;
    }
    RemoveHold();
  }

  const std::string address_;
  const std::shared_ptr<link::LinkTable> table_;
  const std::shared_ptr<Rpcs> rpcs_;
  QuorumTransport::SnapshotSink sink_;  // null once it wants no more
  v1::FetchRequest request_;
  v1::Chunk chunk_;
  uint64_t offset_ = 0;
  std::shared_ptr<Fetch> self_;
  std::mutex mutex_;
  std::shared_ptr<Connection> connection_;  // until OnDone
  bool reading_ = false;
  bool stopped_ = false;
  bool released_ = false;
  absl::Status why_ = absl::OkStatus();
};

}  // namespace

void FetchSnapshotFrom(const std::shared_ptr<link::LinkTable>& table,
                       const std::shared_ptr<Rpcs>& rpcs, const LinkId& id,
                       const SnapshotRequest& request, QuorumTransport::SnapshotSink sink) {
  const link::LiveLinkPtr link = table->Find(id);
  if (link == nullptr) {
    // Not inside the caller's call.
    table->executor().Run([table, sink = std::move(sink)]() mutable {
      if (!table->gate().Enter()) return;
      sink(absl::UnavailableError("the link is down"), nullptr);
      table->gate().Leave();
    });
    return;
  }
  const Identity self = table->self();
  v1::FetchRequest wire;
  wire.set_from_sid(ToInt(self.sid));
  wire.set_from_boot(self.boot);
  wire.set_stream_seq(id.seq);
  wire.set_to(ToInt(id.sid));
  wire.mutable_snapshot()->set_epoch(request.snapshot.epoch);
  wire.mutable_snapshot()->set_counter(request.snapshot.counter);
  wire.set_offset(request.offset);
  std::make_shared<Fetch>(table->AddressOf(id.sid), table, rpcs, std::move(sink))
      ->Begin(link, wire);
}

}  // namespace zkq::transport
