// Who may be linked with whom: the rules of PROTOCOL 5.3 as pure functions.
//
// Membership is proved by disk, boot and ensemble. So who is refused is told the
// code and our sid alone (codec.h: Refused); what else a judgement knows is for the
// log of the side that judges.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "lib/link/codec.h"
#include "lib/link/seats.h"

namespace zkq::link {

// Of two voters the larger sid dials: at both ends the same one.
constexpr bool Dials(ServerId self, ServerId peer) { return self > peer; }

// How this end gets a link to another server, as the list has both (PROTOCOL §5.3 D1, D2).
enum class Way : uint8_t {
  kDial,
  kKnock,  // "please dial me"
  kWait,   // it dials by itself, or there is to be no link
};
Way WayTo(ServerId self, Role us, ServerId peer, const Seat& seat);
// Whether there is to be one.
inline bool IsWanted(Role us, const Seat& seat) {
  return seat.voter || (us == Role::kVoter && seat.observer);
}

// So many dial-backs in vain, and the other end may dial (PROTOCOL §5.3 D1): a firewall may
// let connections through in one direction alone.
inline constexpr int kDialBackFailures = 3;

// How long a server waits for a handshake, by its own tick (PROTOCOL §14): several attempts fit
// into the time in which a leader is given up.
absl::Duration HandshakeLimit(const Identity& self);
// For the dialler, or who knocks: as long to connect, and as long for the answer.
inline absl::Duration AttemptLimit(const Identity& self) { return 2 * HandshakeLimit(self); }

// What `self` says of itself on a link that it has dialled, or that is up. `instead_of`: see Hello.
Hello HelloOn(const LinkId& link, const Identity& self, const DiskId& instead_of = {});

// What the called one knows of the server that the caller says it is, and of itself.
struct KnownPeer {
  Role us = Role::kVoter;  // what the called one is by the list
  bool has_room = true;    // for one more that is not listed
  Seat seat = {};          // the caller's
  std::optional<LinkId> live = {};
  DiskId live_disk = {};        // at the other end of that link
  bool live_dialled = false;    // that link was dialled by who judges
  bool dialling = false;        // who judges is at it
  DiskId dialling_beside = {};  // and does not mean this disk
  bool has_address = true;      // where it could be dialled
  // It asked kDialBackFailures times to be dialled, and each time nobody answered, or another disk.
  bool unreachable = false;
};

struct Judgement {
  RefusalCode refusal{};    // none: admitted
  std::string detail = {};  // of a refusal; for our own log
  bool admitted() const { return refusal == RefusalCode{}; }
};

// Another disk than `from`'s is linked under its id, and has it no more (PROTOCOL §5.3 D5).
bool TakesTheId(const Identity& self, const Identity& from, const KnownPeer& known);

Judgement JudgeHello(const Identity& self, const Hello& hello, const KnownPeer& known);
// A knock never comes over a link, so it proves less: a live link goes down only
// when the knock's larger boot id shows that its peer has died.
Judgement JudgeKnock(const Identity& self, const Identity& from, ServerId to,
                     const KnownPeer& known);
// On the dialler's side: is it whom we meant?
Judgement JudgeAck(const Identity& self, ServerId meant, const HelloAck& ack,
                   const KnownPeer& known);

// A peer that is linked says who it has become.
Judgement JudgeIntroduction(const Identity& self, const LinkId& link, const DiskId& disk,
                            const Identity& peer);

// "server 2 (boot 17, disk 9f…, ensemble 03…)", or as much of it as is known.
std::string Describe(const Identity& identity);

}  // namespace zkq::link
