// LiveLink: a link as its table knows it: to whom it leads, and in which order what
// comes over it is delivered. It tells the table what happens to it.
#pragma once

#include <memory>

#include "lib/link/inbound.h"
#include "lib/link/link.h"
#include "lib/link/serial_queue.h"

namespace zkq::link {

class LinkTable;
class LiveLink;
using LiveLinkPtr = std::shared_ptr<LiveLink>;

class LiveLink final : public Link {
 public:
  LiveLink(std::shared_ptr<LinkTable> table, const LinkBounds& bounds);

  // Set before the handshake is through, fixed from then on. The queue is the peer's;
  // null before.
  LinkId id = {};
  bool dialled = false;  // by this end
  std::shared_ptr<SerialQueue> queue = nullptr;
  // Of the thread that delivers: first the reading one, then the one in the queue.
  Inbound inbound{kMessageBytesMax};
  bool delivering = false;  // between LinkUp and LinkDown

 private:
  void HandleFrame(Payload frame) override;
  void HandleBroken(absl::Status why) override;
  void HandleSilent(absl::Status why) override;
  void HandleEnded(absl::Status status) override;
  LiveLinkPtr self() { return std::static_pointer_cast<LiveLink>(shared_from_this()); }

  const std::shared_ptr<LinkTable> table_;
};

}  // namespace zkq::link
