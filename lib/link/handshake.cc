#include "lib/link/handshake.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"

namespace zkq::link {
namespace {

bool Foreign(const Identity& self, const Identity& peer) {
  return self.ensemble != EnsembleId{} && peer.ensemble != EnsembleId{} &&
         self.ensemble != peer.ensemble;
}

// Names are a peer's bytes, and for the log alone.
std::string Elects(const Identity& self, const Identity& peer) {
  return "it elects by \"" + absl::CHexEscape(peer.election) + "\", this server by \"" +
         self.election + "\"";
}

// Of two disks under one id the one that ranks higher has the id, whatever the boots say
// (PROTOCOL §5.3 D5), and of two that are not listed the one that is linked. But before founding
// the later start has it: else an empty server that comes back while its old link has not
// broken yet could not be founded with.
bool LiveOneHasTheId(const Identity& self, const Identity& from, const KnownPeer& known) {
  if (!known.live || from.disk == known.live_disk) return false;
  const bool founding = self.ensemble == EnsembleId{} && known.seat.disks.empty();
  if (founding) return from.boot <= known.live->boot;
  return known.seat.Rank(from.disk) <= known.seat.Rank(known.live_disk);
}

bool IsLinked(const DiskId& disk, const KnownPeer& known) {
  return known.live && disk == known.live_disk;
}

// Whether this end is to dial, and not the caller. Two voters know; else who is no voter dials.
// But the two may not have the same list. Then both may be dialling at once, and one has to give
// way: the voter, or the smaller sid.
bool ThisEndDials(const Identity& self, const Identity& from, const KnownPeer& known) {
  if (!known.has_address) return false;
  const bool voter = known.seat.RoleOf(from.disk) == Role::kVoter;
  const bool dialling = known.dialling && known.dialling_beside != from.disk;
  if (known.us != Role::kVoter) return dialling && (voter || Dials(self.sid, from.sid));
  return voter && Dials(self.sid, from.sid);
}

Judgement JudgeCaller(const Identity& self, const Identity& from, ServerId to,
                      const KnownPeer& known) {
  if (from.sid == self.sid) {
    const bool itself = from.boot == self.boot && from.disk == self.disk;
    const std::string meant = "server " + ToString(to) + " was meant";
    return {itself ? RefusalCode::kItself : RefusalCode::kOwnId, meant};
  }
  if (to != self.sid) return {RefusalCode::kMeantAnother, "server " + ToString(to)};
  if (Foreign(self, from)) return {RefusalCode::kForeignEnsemble};
  if (from.election != self.election) return {RefusalCode::kElection, Elects(self, from)};
  // Who founds must not meet strangers (PROTOCOL §11.6). Others take them: they join, or were
  // removed.
  const bool unlisted = known.seat.RoleOf(from.disk) == Role::kUnlisted;
  if (unlisted && self.ensemble == EnsembleId{}) return {RefusalCode::kNotAMember};
  if (LiveOneHasTheId(self, from, known)) return {RefusalCode::kSecondDisk};
  return {};
}

}  // namespace

absl::Duration HandshakeLimit(const Identity& self) {
  constexpr absl::Duration kLongest = absl::Seconds(5);
  const absl::Duration limit = absl::FromChrono(self.tick) * self.init_limit / 4;
  return limit > absl::ZeroDuration() ? std::min(limit, kLongest) : kLongest;
}

Way WayTo(ServerId self, Role us, ServerId peer, const Seat& seat) {
  if (!seat.voter || peer == self) return Way::kWait;
  return us == Role::kVoter && !Dials(self, peer) ? Way::kKnock : Way::kDial;
}

Hello HelloOn(const LinkId& link, const Identity& self, const DiskId& instead_of) {
  return {.protocol_min = kProtocolMin,
          .protocol_max = kProtocolMax,
          .from = self,
          .to = link.sid,
          .seq = link.seq,
          .instead_of = instead_of};
}

bool TakesTheId(const Identity& self, const Identity& from, const KnownPeer& known) {
  return known.live && from.disk != known.live_disk && !LiveOneHasTheId(self, from, known);
}

Judgement JudgeHello(const Identity& self, const Hello& hello, const KnownPeer& known) {
  const Identity& from = hello.from;
  if (hello.protocol_min > kProtocolMax || hello.protocol_max < kProtocolMin) {
    return {RefusalCode::kVersion, "it speaks versions " + std::to_string(hello.protocol_min) +
                                       " to " + std::to_string(hello.protocol_max)};
  }
  Judgement judgement = JudgeCaller(self, from, hello.to, known);
  if (!judgement.admitted()) return judgement;
  if (hello.instead_of != DiskId{} && hello.instead_of == self.disk) {
    return {RefusalCode::kSameDisk};
  }
  if (ThisEndDials(self, from, known) && (!known.unreachable || IsLinked(from.disk, known))) {
    return {RefusalCode::kDialBack};
  }
  if (!known.has_room && known.seat.RoleOf(from.disk) == Role::kUnlisted) {
    return {RefusalCode::kTooManyUnlisted};
  }
  // Of a link that this server has dialled, seq is its own: the same process's replaces it anyway.
  const uint64_t live_seq = known.live && !known.live_dialled ? known.live->seq : 0;
  if (known.live && !TakesTheId(self, from, known) &&
      std::pair(from.boot, hello.seq) <= std::pair(known.live->boot, live_seq)) {
    return {RefusalCode::kOlder, "which is " + ToString(*known.live)};
  }
  return {};
}

Judgement JudgeKnock(const Identity& self, const Identity& from, ServerId to,
                     const KnownPeer& known) {
  Judgement judgement = JudgeCaller(self, from, to, known);
  if (!judgement.admitted()) return judgement;
  if (known.seat.RoleOf(from.disk) != Role::kVoter) return {RefusalCode::kDialMe};
  if (WayTo(self.sid, known.us, from.sid, known.seat) != Way::kDial) {
    return {RefusalCode::kWrongWay};
  }
  const bool in_vain = known.unreachable && !IsLinked(from.disk, known);
  if (!known.has_address || in_vain) return {RefusalCode::kDialMe};
  return {};
}

Judgement JudgeAck(const Identity& self, ServerId meant, const HelloAck& ack,
                   const KnownPeer& known) {
  if (ack.from.sid != meant) return {RefusalCode::kMeantAnother, "server " + ToString(meant)};
  if (ack.protocol < kProtocolMin || ack.protocol > kProtocolMax) {
    return {RefusalCode::kVersion, "it chose version " + std::to_string(ack.protocol)};
  }
  if (Foreign(self, ack.from)) return {RefusalCode::kForeignEnsemble};
  if (ack.from.election != self.election) return {RefusalCode::kElection, Elects(self, ack.from)};
  if (LiveOneHasTheId(self, ack.from, known)) return {RefusalCode::kSecondDisk};
  return {};
}

Judgement JudgeIntroduction(const Identity& self, const LinkId& link, const DiskId& disk,
                            const Identity& peer) {
  if (peer.sid != link.sid || peer.boot != link.boot || peer.disk != disk) {
    return {RefusalCode::kOlder, "it was linked as " + ToString(link)};
  }
  if (Foreign(self, peer)) return {RefusalCode::kForeignEnsemble};
  return {};
}

std::string Describe(const Identity& identity) {
  if (identity.sid == kNoServer) return "a stranger";
  if (identity.boot == 0) return "server " + ToString(identity.sid);
  return "server " + ToString(identity.sid) + " (boot " + std::to_string(identity.boot) +
         ", disk " + ToString(identity.disk) + ", ensemble " +
         (identity.ensemble == EnsembleId{} ? "none" : ToString(identity.ensemble)) + ")";
}

}  // namespace zkq::link
