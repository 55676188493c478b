#include "lib/link/outgoing_transfer.h"

#include <optional>
#include <string>
#include <utility>

#include "lib/link/link_table.h"

namespace zkq::link {
namespace {

// One page waits at most; and what comes is small, and held by nobody.
constexpr LinkBounds kGiverBounds = {.outbound_bytes_max = 1 << 20, .inbound_bytes_max = 64 << 10};

}  // namespace

// The receiver's way back to the transfer; dropped without an answer, it ends
// the transfer.
class OutgoingTransfer::Reply {
 public:
  explicit Reply(std::shared_ptr<OutgoingTransfer> transfer) : transfer_(std::move(transfer)) {}
  Reply(Reply&&) = default;
  ~Reply() {
    if (transfer_ != nullptr) transfer_->Break(absl::UnavailableError("no answer"));
  }
  void operator()(absl::StatusOr<SnapshotChunk> chunk) && {
    std::exchange(transfer_, nullptr)->OnAnswer(std::move(chunk));
  }

 private:
  std::shared_ptr<OutgoingTransfer> transfer_;
};

OutgoingTransfer::OutgoingTransfer(std::shared_ptr<LinkTable> table)
    : Link(kGiverBounds, table->place()), table_(std::move(table)) {}

void OutgoingTransfer::HandleFrame(Payload frame) {
  const bool first = link_ == nullptr;
  if (first == (frame.size() == 0)) {
    return Break(absl::InvalidArgumentError("a transfer is asked for once, at its beginning"));
  }
  if (first) {
    if (absl::Status refused = Begin(std::move(frame)); !refused.ok()) {
      return Break(std::move(refused));
    }
    Ask();
  }
  FrameDone();
}

absl::Status OutgoingTransfer::Begin(Payload first) {
  table_->Forget(shared_from_this());
  const bool fits = first.size() <= kFirstFrameMax;
  FrameReader reader(std::move(first));
  std::optional<Packet> packet = fits ? reader.Next() : std::nullopt;
  const auto* request = packet ? std::get_if<FetchRequest>(&packet->body) : nullptr;
  if (request == nullptr) return absl::InvalidArgumentError("not a request that can be read");
  if (request->to == table_->self().sid) link_ = table_->Find(request->link);
  if (link_ == nullptr || !link_->AddTransfer(weak_from_this())) {
    return absl::FailedPreconditionError("a snapshot is asked for over a link that is not live");
  }
  Watch(SilenceLimit(table_->self()), link_->talk_interval());
  asked_ = {.snapshot = request->snapshot, .offset = request->offset};
  return absl::OkStatus();
}

void OutgoingTransfer::Ask() {
  table_->AskSnapshot(link_, asked_,
                      Reply(std::static_pointer_cast<OutgoingTransfer>(shared_from_this())));
}

void OutgoingTransfer::OnAnswer(absl::StatusOr<SnapshotChunk> chunk) {
  if (!chunk.ok()) return Break(std::move(chunk).status());
  if (chunk->bytes.size() > kPageBytesMax) {
    return Break(absl::InternalError("a page of " + std::to_string(chunk->bytes.size()) +
                                     " bytes is more than a transfer carries (" +
                                     std::to_string(kPageBytesMax) + ")"));
  }
  asked_.offset = chunk->offset + chunk->bytes.size();
  last_ = chunk->last;
  Send(EncodeOnce(Chunk{chunk->offset, Payload(std::move(chunk->bytes)), chunk->last}));
}

void OutgoingTransfer::HandleDrained() {
  if (last_) return Close(absl::OkStatus());
  Ask();
}

void OutgoingTransfer::HandleBroken(absl::Status why) { Close(std::move(why)); }

void OutgoingTransfer::HandleEnded(absl::Status) {
  Close(absl::AbortedError("the transfer is cut off"));
  table_->Forget(shared_from_this());
}

}  // namespace zkq::link
