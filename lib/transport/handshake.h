// Who may be linked with whom: the rules of PROTOCOL 5.3 as pure functions.
// A refusal names both sides, and is what the peer gets as its RPC status:
//
//   FAILED_PRECONDITION  foreign ensemble, no common protocol version, or the
//                        dialler meant somebody else
//   INVALID_ARGUMENT     it has our own sid, or is no handshake at all
//   PERMISSION_DENIED    it is no member
//   ABORTED              the smaller sid dialled: we dial back
//   ALREADY_EXISTS       an older duplicate of the live link, or a second
//                        server with the sid of a healthy one
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "lib/transport/codec.h"

namespace zkq::transport {

// At both ends of a pair the same one: the larger sid dials.
constexpr bool Dials(ServerId self, ServerId peer) { return self > peer; }

// What the called one knows of the caller.
struct Acquaintance {
  bool member = false;
  std::optional<LinkId> live = {};
};

absl::Status JudgeHello(const Identity& self, const Hello& hello, const Acquaintance& known);
// A knock never comes over a link, so it proves less: a live link goes down only
// when the knock's larger boot id shows that its peer has died.
absl::Status JudgeKnock(const Identity& self, const Identity& from, ServerId to,
                        const Acquaintance& known);
// On the dialler's side: is it whom we meant?
absl::Status JudgeAck(const Identity& self, ServerId meant, const HelloAck& ack);

// "server 2 (boot 17, disk 9f…, ensemble 03…)"
std::string Describe(const Identity& identity);

}  // namespace zkq::transport
