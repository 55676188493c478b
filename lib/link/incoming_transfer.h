// IncomingTransfer: reads one snapshot file from a peer, over a stream of its own.
//
// The first frame that goes out asks for the file from an offset on; pieces come back in
// order, at most one in a frame. A piece that does not follow the one before, or that has changed
// on its way, ends the transfer, and so does the end of the link that it was asked for over. The
// next piece is read when the sink has let go of the last one: one page here, and one where it
// comes from. What is received stays good: another transfer goes on from there.
//
// Made by the table, which hands it to the dialler; the stream holds it until its end.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "lib/link/inbound.h"
#include "lib/link/link.h"
#include "zkq/quorum_transport.h"

namespace zkq::link {

class LinkTable;

class IncomingTransfer final : public Link {
 public:
  // `address` is where it is dialled. `request` is queued, to be written first.
  IncomingTransfer(std::shared_ptr<LinkTable> table, std::string address,
                   const FetchRequest& request, QuorumTransport::SnapshotSink sink);

 private:
  void HandleFrame(Payload frame) override;
  void HandleBroken(absl::Status why) override;
  void HandleEnded(absl::Status status) override;

  // None: a fragment, and not the last one.
  absl::StatusOr<std::optional<Chunk>> ChunkIn(Payload frame);
  void Deliver(const Chunk& chunk);
  // False: the sink wants no more, or may not be called any more.
  bool GiveToSink(absl::StatusOr<SnapshotChunk> chunk, Hold hold);

  const std::shared_ptr<LinkTable> table_;
  const std::string address_;
  const FetchRequest request_;
  // Of the thread that reads, and at the end of the one that ends it.
  QuorumTransport::SnapshotSink sink_;  // null once it wants no more
  Inbound inbound_;
  uint64_t offset_;  // of the next piece
};

}  // namespace zkq::link
