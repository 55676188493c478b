#include "lib/link/inbound.h"

#include <utility>

namespace zkq::link {

bool Inbound::Accept(Packet packet, std::optional<Packet>* whole) {
  whole->reset();
  const Lane lane = LaneOf(packet);
  if (packet.seq != ++last_[static_cast<size_t>(lane)]) return false;
  if (const auto* fragment = std::get_if<Fragment>(&packet.body)) {
    return AcceptFragment(*fragment, whole);
  }
  if (lane == Lane::kZab && in_fragments_) return false;
  *whole = std::move(packet);
  return true;
}

bool Inbound::AcceptFragment(const Fragment& fragment, std::optional<Packet>* whole) {
  if (partial_.size() + fragment.bytes.size() > message_bytes_max_) return false;
  partial_ += fragment.bytes.view();
  in_fragments_ = !fragment.last;
  if (in_fragments_) return true;
  *whole = DecodePacket(Payload(std::exchange(partial_, {})));
  return whole->has_value() && (*whole)->seq == 0 && LaneOf(**whole) == Lane::kZab &&
         !std::holds_alternative<Fragment>((*whole)->body);
}

}  // namespace zkq::link
