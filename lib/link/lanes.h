// Lanes: what waits to be written on one link.
//
// CONTROL goes before LATEST, and LATEST before ZAB. What waits is written
// together: a frame takes all of CONTROL, the notification, and from ZAB one
// batch of small messages or one fragment of a large one, so that CONTROL never
// waits for more than one frame. Small messages are put straight into the
// batch that will be written; large ones are referred to, and shared between the
// links that send them. The first frame is the handshake alone: of a stranger the other end takes
// no more.
//
// Bound: `bytes_max` of what waits, beside the one frame that was taken last
// (and what gRPC and the kernel buffer, about 4 MiB to a reader that stands
// still). Above it Add refuses: the owner drops the link.
//
// Not thread-safe: the link's lock guards it.
#pragma once

#include <deque>
#include <string>

#include "lib/base/checks.h"
#include "lib/link/codec.h"
#include "zkq/message.h"

namespace zkq::link {

// What is larger is sent in fragments of this size. Half a second of 1 Mbit/s: a link on which
// a frame takes longer than a peer waits for a word would look silent.
inline constexpr size_t kFragmentBytes = 64 << 10;
// Of a stranger no larger frame is read: more than any handshake has, and any request.
inline constexpr size_t kFirstFrameMax = 64 << 10;
// A message that makes a batch larger begins another.
inline constexpr size_t kBatchBytes = 64 << 10;
// The largest message that is sent or put together from fragments: the largest
// command (64 MiB) and what surrounds it.
inline constexpr size_t kMessageBytesMax = 80 << 20;
// The largest piece of a snapshot that is sent, or put together.
inline constexpr size_t kPageBytesMax = 256 << 10;

// One frame: `tail` follows `head` and is shared, not copied.
struct Outgoing {
  std::string head = {};
  Payload tail = {};
  size_t size() const { return head.size() + tail.size(); }
};

// A message encoded once, for one or several links.
struct Encoded {
  Lane lane = Lane::kZab;
  std::string small = {};
  Payload large = {};  // above kFragmentBytes: shared instead of copied
};
Encoded EncodeOnce(const Message& message);
// A piece of a snapshot, likewise.
Encoded EncodeOnce(const Chunk& chunk);

class Lanes {
 public:
  explicit Lanes(size_t bytes_max) : bytes_max_(bytes_max) {}

  // False: too much waits already. (A message is taken whole as long as what
  // waits before it is within the bound, so that none is too large for ever.)
  [[nodiscard]] bool Add(const Encoded& message);
  // Adds to CONTROL, where the handshake goes too.
  [[nodiscard]] bool AddControl(std::string_view encoded);
  // Replaces the notification that waits.
  void SetLatest(std::string encoded) { latest_ = std::move(encoded); }

  bool empty() const { return control_.empty() && latest_.empty() && zab_.empty(); }
  // What to write next; not to be called when empty().
  Outgoing Take();
  void Clear();
  // Not ok: what waits was counted wrongly, and the link must go down.
  Invariants& invariants() { return invariants_; }

 private:
  // Either a batch of whole packets, or what is left of a large message.
  struct Item {
    std::string batch = {};
    Payload large = {};
    uint64_t seq = 0;  // of its next fragment
    size_t offset = 0;
  };
  [[nodiscard]] bool AddSmall(std::string_view encoded);
  [[nodiscard]] bool AddLarge(const Payload& encoded);
  void TakeZab(Outgoing* frame);
  void TakeFragment(Item* item, Outgoing* frame);
  void Uncount(size_t bytes);

  const size_t bytes_max_;
  size_t bytes_ = 0;  // in control_ and zab_
  std::string control_;
  std::string latest_;
  std::deque<Item> zab_;
  bool first_ = true;
  uint64_t control_seq_ = 0, latest_seq_ = 0, zab_seq_ = 0;  // of the last packet
  Invariants invariants_ = {};
};

}  // namespace zkq::link
