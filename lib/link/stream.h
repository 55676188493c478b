// Stream: what a link needs of the network: frames of bytes to one peer and from it,
// each way first in, first out, that breaks as a whole. The gRPC side implements it, and so does
// the simulated network; tests bring their own.
//
// Who owns what: the stream holds its link (LinkPtr) from its making to its end. The link has
// a bare pointer to the stream, from Link::Attach until it has called Close.
//
// Who calls what when. The stream calls, one after the other or side by side, from any thread:
//   Attach    once, when the stream may be written to;
//   OnRead    after each Read, when a frame has come: the receiver is called inside it;
//   OnWritten after each Write, when the next frame may be written;
//   OnReadFailed  when nothing more comes, whether or not a Read is outstanding;
//   OnEnded   once, after all others, after Close or where Attach was never called.
// The link calls the functions below, with no lock held, inside the stream's calls or on any
// other thread. Read and Write may not call back into the link before they return; AbortSoon
// and Close may.
#pragma once

#include "absl/status/status.h"
#include "lib/link/lanes.h"

namespace zkq::link {

class ZKQ_EXPORT Stream {
 public:
  virtual ~Stream() = default;
  // One at a time; answered by Link::OnRead or OnReadFailed. What comes meanwhile waits, and
  // in the end the peer's writes wait for it.
  virtual void Read() = 0;
  // One at a time; answered by Link::OnWritten. An empty frame is a frame, too.
  virtual void Write(Outgoing frame) = 0;
  // What is outstanding need not succeed any more, but has to end soon.
  virtual void AbortSoon() = 0;
  // The link's last call: ends the stream; `why` is what the dialler is told, with its
  // payloads (refusals.h). No write is outstanding, a read may be. Answered by Link::OnEnded.
  virtual void Close(const absl::Status& why) = 0;
};

}  // namespace zkq::link
