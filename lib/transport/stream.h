// Stream: what a link needs of the RPC that carries it. The gRPC side implements
// it; tests bring their own.
#pragma once

#include "absl/status/status.h"
#include "lib/transport/lanes.h"

namespace zkq::transport {

// Alive until the link has called Close, which is the last call it makes. No
// call re-enters the link.
class Stream {
 public:
  virtual ~Stream() = default;
  // One at a time; answered by Link::OnRead or OnReadFailed.
  virtual void Read() = 0;
  // One at a time; answered by Link::OnWritten.
  virtual void Write(Outgoing frame) = 0;
  // What is outstanding need not succeed any more, but has to end soon.
  virtual void AbortSoon() = 0;
  // Ends the stream; `why` is what the dialler is told. No write is outstanding.
  // Answered by Link::OnEnded.
  virtual void Close(const absl::Status& why) = 0;
};

}  // namespace zkq::transport
