// OutgoingTransfer: gives one snapshot file to a peer, over a stream of its own.
//
// The first frame asks for it, in the name of a live link: only who shares a link with this
// server may ask, and the transfer ends with that link. The receiver is asked for page after
// page, each when the one before is written, so a transfer holds one page. What the receiver
// says in place of a page is what the asker is told.
//
// Made by the table for a stream that has come in; the stream holds it until its end, and so
// does an answer of the receiver's that is awaited.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "lib/link/inbound.h"
#include "lib/link/live_link.h"
#include "zkq/quorum_transport.h"

namespace zkq::link {

class OutgoingTransfer final : public Link {
 public:
  explicit OutgoingTransfer(std::shared_ptr<LinkTable> table);

 private:
  class Reply;
  void HandleFrame(Payload frame) override;
  void HandleBroken(absl::Status why) override;
  void HandleDrained() override;
  void HandleEnded(absl::Status status) override;

  // Not OK: it may not be had.
  absl::Status Begin(Payload first);
  void Ask();
  void OnAnswer(absl::StatusOr<SnapshotChunk> chunk);

  const std::shared_ptr<LinkTable> table_;
  // Set by the first frame; then of whose turn it is: the question, the answer, its writing.
  LiveLinkPtr link_ = {};
  SnapshotRequest asked_ = {};
  bool last_ = false;  // the page that is written ends the file
};

}  // namespace zkq::link
