#include "lib/link/lanes.h"

#include <algorithm>
#include <utility>

namespace zkq::link {

namespace {

Encoded Shared(Lane lane, std::string bytes) {
  Encoded encoded{.lane = lane};
  if (bytes.size() > kFragmentBytes) {
    encoded.large = Payload(std::move(bytes));
  } else {
    encoded.small = std::move(bytes);
  }
  return encoded;
}

}  // namespace

Encoded EncodeOnce(const Message& message) {
  return Shared(LaneOf(message), EncodePacket(message));
}

Encoded EncodeOnce(const Chunk& chunk) { return Shared(Lane::kZab, EncodePacket(chunk)); }

bool Lanes::Add(const Encoded& message) {
  if (message.lane == Lane::kControl) return AddControl(message.small);
  return message.large.size() > 0 ? AddLarge(message.large) : AddSmall(message.small);
}

bool Lanes::AddControl(std::string_view encoded) {
  if (bytes_ > bytes_max_) return false;
  const size_t before = control_.size();
  AppendPacket(++control_seq_, encoded, &control_);
  bytes_ += control_.size() - before;
  return true;
}

bool Lanes::AddSmall(std::string_view encoded) {
  if (bytes_ > bytes_max_) return false;
  const bool fits = !zab_.empty() && zab_.back().large.size() == 0 &&
                    zab_.back().batch.size() + encoded.size() <= kBatchBytes;
  if (!fits) zab_.emplace_back();
  std::string& batch = zab_.back().batch;
  const size_t before = batch.size();
  AppendPacket(++zab_seq_, encoded, &batch);
  bytes_ += batch.size() - before;
  return true;
}

bool Lanes::AddLarge(const Payload& encoded) {
  if (bytes_ > bytes_max_ || encoded.size() > kMessageBytesMax) return false;
  zab_.push_back({.large = encoded, .seq = zab_seq_ + 1});
  zab_seq_ += (encoded.size() + kFragmentBytes - 1) / kFragmentBytes;
  bytes_ += encoded.size();
  return true;
}

Outgoing Lanes::Take() {
  Outgoing frame{.head = std::move(control_)};
  control_.clear();
  Uncount(frame.head.size());
  if (std::exchange(first_, false) && !frame.head.empty()) return frame;
  if (!latest_.empty()) AppendPacket(++latest_seq_, latest_, &frame.head);
  latest_.clear();
  if (!zab_.empty()) TakeZab(&frame);
  return frame;
}

void Lanes::TakeZab(Outgoing* frame) {
  Item& item = zab_.front();
  if (item.large.size() > 0) {
    TakeFragment(&item, frame);
    if (item.offset < item.large.size()) return;
  } else {
    Uncount(item.batch.size());
    if (frame->head.empty()) {
      frame->head = std::move(item.batch);
    } else {
      frame->head += item.batch;
    }
  }
  zab_.pop_front();
}

void Lanes::TakeFragment(Item* item, Outgoing* frame) {
  const std::string_view piece = item->large.view().substr(item->offset, kFragmentBytes);
  item->offset += piece.size();
  Uncount(piece.size());
  const bool last = item->offset == item->large.size();
  AppendFragmentHead(item->seq++, last, piece, &frame->head);
  frame->tail = item->large.Part(piece);
}

// Cannot fail as long as the Add functions alone count.
void Lanes::Uncount(size_t bytes) {
  ZKQ_CHECK(bytes <= bytes_);
  bytes_ -= bytes;
}

void Lanes::Clear() {
  control_.clear();
  latest_.clear();
  zab_.clear();
  bytes_ = 0;
}

}  // namespace zkq::link
