// Inbound: checks the order of what comes on one link, and puts large messages
// together from their fragments. Pure.
#pragma once

#include <optional>
#include <string>

#include "lib/link/codec.h"
#include "lib/link/lanes.h"

namespace zkq::link {

class Inbound {
 public:
  explicit Inbound(size_t message_bytes_max = kMessageBytesMax)
      : message_bytes_max_(message_bytes_max) {}

  // A packet of the link has come. False: this peer breaks the rules (a gap or a
  // repetition in a lane, a packet between fragments, a message too large or
  // malformed), and the link must go down. Otherwise `whole` is what to deliver:
  // the packet, or the message that this was the last fragment of, or nothing.
  [[nodiscard]] bool Accept(Packet packet, std::optional<Packet>* whole);

 private:
  bool AcceptFragment(const Fragment& fragment, std::optional<Packet>* whole);

  size_t message_bytes_max_;
  uint64_t last_[3] = {};  // seq of each lane
  std::string partial_;    // bounded by message_bytes_max_
  bool in_fragments_ = false;
};

}  // namespace zkq::link
