// Deliveries: every call to the receiver, in its turn. Each function queues on
// the link's queue and calls nothing; the caller drains the queue once it
// holds no lock.
#pragma once

#include <functional>
#include <memory>

#include "lib/link/codec.h"
#include "lib/link/live_link.h"
#include "zkq/quorum_transport.h"

namespace zkq::link {

class Deliveries {
 public:
  using SnapshotReply = absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&>;

  // Before anything else; it must live until the gate is closed.
  void SetReceiver(QuorumTransport::Receiver* receiver) { receiver_ = receiver; }
  // Whether the peer of a live link may be what it says it has become.
  using Judge = std::function<absl::Status(const LinkId&, const Identity&)>;
  void SetJudge(Judge judge) { judge_ = std::move(judge); }

  void AddUp(const LiveLinkPtr& link, const Identity& peer);
  // What `frame` still holds. Then, with the frame's bytes held until the
  // receiver lets go of its messages, the next one is read. Skipped if the link
  // is down by then.
  void AddFrame(const LiveLinkPtr& link, FrameReader frame, size_t bytes);
  void AddSnapshotAsked(const LiveLinkPtr& link, const SnapshotRequest& request,
                        SnapshotReply reply);
  void AddDown(const LiveLinkPtr& link, absl::Status why);

 private:
  void Deliver(const LiveLinkPtr& link, FrameReader* frame, size_t bytes);
  // Not OK: the link must go down.
  absl::Status DeliverPacket(const LiveLinkPtr& link, Packet packet, Hold hold);

  QuorumTransport::Receiver* receiver_ = nullptr;
  Judge judge_ = nullptr;
};

}  // namespace zkq::link
