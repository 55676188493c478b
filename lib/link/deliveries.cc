#include "lib/link/deliveries.h"

#include <utility>

namespace zkq::link {
namespace {

absl::Status OutOfOrder() { return absl::DataLossError("the peer breaks the order of its frames"); }

}  // namespace

void Deliveries::AddUp(const LiveLinkPtr& link, const Identity& peer) {
  link->queue->Add([this, link, peer] {
    link->delivering = true;
    receiver_->OnLinkUp(link->id, peer);
  });
}

void Deliveries::AddDown(const LiveLinkPtr& link, absl::Status why) {
  link->queue->Add([this, link, why = std::move(why)] {
    link->delivering = false;
    receiver_->OnLinkDown(link->id, why);
  });
}

void Deliveries::AddFrame(const LiveLinkPtr& link, FrameReader frame, size_t bytes) {
  link->queue->Add([this, link, frame = std::move(frame), bytes]() mutable {
    Deliver(link, &frame, bytes);
    link->FrameDone();
  });
}

void Deliveries::Deliver(const LiveLinkPtr& link, FrameReader* frame, size_t bytes) {
  if (!link->delivering) return;
  const Hold hold = link->MakeHold(bytes);
  while (std::optional<Packet> packet = frame->Next()) {
    const auto* fragment = std::get_if<Fragment>(&packet->body);
    const bool piece = fragment != nullptr;
    const size_t part = piece ? fragment->bytes.size() : 0;
    std::optional<Packet> whole;
    absl::Status status = absl::OkStatus();
    if (!link->inbound.Accept(*std::move(packet), &whole)) status = OutOfOrder();
    if (whole) status = DeliverPacket(link, *std::move(whole), piece ? nullptr : hold);
    if (piece && !whole) receiver_->OnPart(link->id, part);
    if (!status.ok()) return link->Break(std::move(status));
  }
  if (frame->changed_on_its_way()) {
    link->CountChange();
    link->Break(absl::DataLossError("a packet is not what its checksum says"));
  } else if (frame->malformed()) {
    link->Break(absl::InvalidArgumentError("malformed frame"));
  }
}

absl::Status Deliveries::DeliverPacket(const LiveLinkPtr& link, Packet packet, Hold hold) {
  if (auto* message = std::get_if<Message>(&packet.body)) {
    // What was put together from fragments lies in a buffer of its own.
    if (hold == nullptr) hold = link->MakeHold(SizeOf(*message));
    receiver_->OnMessage(link->id, std::move(*message), std::move(hold));
    return absl::OkStatus();
  }
  if (const auto* notification = std::get_if<Notification>(&packet.body)) {
    receiver_->OnNotification(link->id, *notification);
    return absl::OkStatus();
  }
  const auto* hello = std::get_if<Hello>(&packet.body);
  if (hello == nullptr) return OutOfOrder();  // a second answer to a handshake
  absl::Status judgement = judge_(link->id, hello->from);
  if (judgement.ok()) receiver_->OnIntroduced(link->id, hello->from);
  return judgement;
}

void Deliveries::AddSnapshotAsked(const LiveLinkPtr& link, const SnapshotRequest& request,
                                  SnapshotReply reply) {
  link->queue->Add([this, link, request, reply = std::move(reply)]() mutable {
    if (link->delivering) {
      receiver_->OnSnapshotAsked(link->id, request, std::move(reply));
    } else {
      std::move(reply)(absl::UnavailableError("the link is down"));
    }
  });
}

}  // namespace zkq::link
