// Dialler: opens the streams that this peer asks for. The gRPC side implements it, and so
// does the simulated network.
#pragma once

#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "lib/link/link.h"
#include "lib/link/questions.h"
#include "zkq/message.h"

namespace zkq::link {

// Called by the table alone, in tasks of its executor, with no lock held; maybe by several
// threads at once. The table shares it until Shutdown and, in an attempt under way, a moment
// longer.
class ZKQ_EXPORT Dialler {
 public:
  virtual ~Dialler() = default;
  // Opens a stream to `address`, where it is handed to the table's Accept, and attaches it to
  // `link` once it may be written to (Link::Attach; also inside this call). Then it is as stream.h
  // says. In any case, also if nobody is there, the attempt ends with link->OnEnded, once. Takes no
  // time limit: the table closes the link when an attempt lasts too long, which before Attach means
  // that the stream is closed as soon as it is attached. Not OK: for want of something here there
  // is no attempt, and the link is left alone.
  virtual absl::Status Dial(const std::string& address, LinkPtr link) = 0;
  // The same for the stream of a transfer: there it is handed to AcceptTransfer. What comes
  // must not be read far ahead of the link's Reads: the peer's disk is read for it.
  virtual void Fetch(const std::string& address, LinkPtr transfer) = 0;
  // Asks the server at `address`, which should be `to`, to dial this one: its table's OnKnock
  // is called, and `done` with what that returned or with what went wrong within AttemptLimit
  // (handshake.h), once, not inside this call.
  using KnockDone = absl::AnyInvocable<void(absl::Status) &&>;
  virtual void Knock(const std::string& address, const Identity& from, ServerId to,
                     KnockDone done) = 0;
  // Asks the server at `address`: its table's OnAsked is called, and `done` with what that
  // answers or with what went wrong within `timeout`, once, not inside this call.
  virtual void Ask(const std::string& address, AskRequest request, absl::Duration timeout,
                   AskDone done) = 0;
};

}  // namespace zkq::link
