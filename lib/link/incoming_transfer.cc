#include "lib/link/incoming_transfer.h"

#include <algorithm>
#include <utility>

#include "lib/link/link_table.h"

namespace zkq::link {
namespace {

// Nothing waits but the request. Reading waits as long as anything is held.
constexpr LinkBounds kAskerBounds = {.outbound_bytes_max = 64 << 10, .inbound_bytes_max = 0};
// A page, and what surrounds it.
constexpr size_t kPieceBytesMax = kPageBytesMax + (1 << 10);

}  // namespace

IncomingTransfer::IncomingTransfer(std::shared_ptr<LinkTable> table, std::string address,
                                   const FetchRequest& request, QuorumTransport::SnapshotSink sink)
    : Link(kAskerBounds, table->place()),
      table_(std::move(table)),
      address_(std::move(address)),
      request_(request),
      sink_(std::move(sink)),
      inbound_(kPieceBytesMax),
      offset_(request.offset) {
  (void)QueueControl(EncodePacket(request));  // Finds room: it is the first.
}

void IncomingTransfer::HandleFrame(Payload frame) {
  if (frame.size() == 0) return FrameDone();  // the stream is kept talking
  absl::StatusOr<std::optional<Chunk>> chunk = ChunkIn(std::move(frame));
  if (!chunk.ok()) return Close(std::move(chunk).status());
  if (!*chunk) return FrameDone();  // a fragment of one
  Deliver(**chunk);
}

absl::StatusOr<std::optional<Chunk>> IncomingTransfer::ChunkIn(Payload frame) {
  const auto wrong = [this](const char* how) {
    return absl::DataLossError("the piece of the snapshot at byte " + std::to_string(offset_) +
                               " " + how);
  };
  FrameReader reader(std::move(frame));
  std::optional<Packet> packet = reader.Next(), whole;
  if (reader.changed_on_its_way()) {
    CountChange();
    return wrong("has changed on its way");
  }
  if (!packet || reader.Next() || reader.malformed()) return wrong("cannot be read");
  if (!inbound_.Accept(*std::move(packet), &whole)) return wrong("is out of order");
  if (!whole) return std::nullopt;
  Chunk* const chunk = std::get_if<Chunk>(&whole->body);
  if (chunk == nullptr) return wrong("is something else");
  if (chunk->offset != offset_) return wrong("is missing");
  return std::move(*chunk);
}

void IncomingTransfer::Deliver(const Chunk& chunk) {
  offset_ += chunk.bytes.size();
  Hold hold = MakeHold(std::max<size_t>(chunk.bytes.size(), 1));
  const bool wants_more = GiveToSink(
      SnapshotChunk{chunk.offset, std::string(chunk.bytes.view()), chunk.last}, std::move(hold));
  if (wants_more && !chunk.last) return FrameDone();
  sink_ = nullptr;
  Close(absl::OkStatus());
}

bool IncomingTransfer::GiveToSink(absl::StatusOr<SnapshotChunk> chunk, Hold hold) {
  if (!table_->gate().Enter()) return false;
  const bool wants_more = sink_(std::move(chunk), std::move(hold));
  table_->gate().Leave();
  return wants_more;
}

void IncomingTransfer::HandleBroken(absl::Status why) { Close(std::move(why)); }

void IncomingTransfer::HandleEnded(absl::Status status) {
  if (sink_ == nullptr) return;
  // Nobody is there, or another machine is, which has no such link.
  const bool astray = absl::IsUnavailable(status) || absl::IsFailedPrecondition(status);
  if (astray && offset_ == request_.offset) {
    table_->OnFetchFailed(request_.to, address_);
  }
  if (status.ok()) status = absl::DataLossError("the snapshot ends before its last byte");
  GiveToSink(std::move(status), nullptr);
  sink_ = nullptr;
}

}  // namespace zkq::link
