#include "lib/transport/handshake.h"

#include <algorithm>
#include <utility>

#include "lib/base/absl/string_view.h"

namespace zkq::transport {
namespace {

absl::Status Refuse(absl::StatusCode code, const Identity& self, const Identity& peer,
                    const std::string& why) {
  return absl::Status(code, ToAbsl(Describe(peer) + " refused by " + Describe(self) + ": " + why));
}

bool Foreign(const Identity& self, const Identity& peer) {
  return self.ensemble != EnsembleId{} && peer.ensemble != EnsembleId{} &&
         self.ensemble != peer.ensemble;
}

// A disk that is not the one this sid was founded with.
bool StrangeDisk(const Identity& self, const Identity& peer) {
  const auto founder = std::find_if(self.founders.begin(), self.founders.end(),
                                    [&](const Founder& f) { return f.sid == peer.sid; });
  return founder != self.founders.end() && founder->disk != peer.disk;
}

absl::Status JudgeCaller(const Identity& self, const Identity& from, ServerId to,
                         const Acquaintance& known) {
  using Code = absl::StatusCode;
  if (from.sid == self.sid) {
    return Refuse(Code::kInvalidArgument, self, from, "two servers with one id");
  }
  if (to != self.sid) {
    return Refuse(Code::kFailedPrecondition, self, from, "it means server " + ToString(to));
  }
  if (Foreign(self, from)) {
    return Refuse(Code::kFailedPrecondition, self, from, "another ensemble");
  }
  if (!known.member) return Refuse(Code::kPermissionDenied, self, from, "not a member");
  if (known.live && StrangeDisk(self, from)) {
    return Refuse(Code::kAlreadyExists, self, from, "a second server with the id of a live one");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status JudgeHello(const Identity& self, const Hello& hello, const Acquaintance& known) {
  using Code = absl::StatusCode;
  const Identity& from = hello.from;
  if (hello.protocol_min > kProtocolMax || hello.protocol_max < kProtocolMin) {
    return Refuse(Code::kFailedPrecondition, self, from,
                  "it speaks protocol versions " + std::to_string(hello.protocol_min) + " to " +
                      std::to_string(hello.protocol_max));
  }
  absl::Status judgement = JudgeCaller(self, from, hello.to, known);
  if (!judgement.ok()) return judgement;
  if (Dials(self.sid, from.sid)) {
    return Refuse(Code::kAborted, self, from, "the larger id dials; dialling back");
  }
  if (known.live &&
      std::pair(from.boot, hello.seq) <= std::pair(known.live->boot, known.live->seq)) {
    return Refuse(Code::kAlreadyExists, self, from, "older than " + ToString(*known.live));
  }
  return absl::OkStatus();
}

absl::Status JudgeKnock(const Identity& self, const Identity& from, ServerId to,
                        const Acquaintance& known) {
  absl::Status judgement = JudgeCaller(self, from, to, known);
  if (!judgement.ok()) return judgement;
  if (!Dials(self.sid, from.sid)) {
    return Refuse(absl::StatusCode::kInvalidArgument, self, from, "the larger id dials");
  }
  return absl::OkStatus();
}

absl::Status JudgeAck(const Identity& self, ServerId meant, const HelloAck& ack) {
  using Code = absl::StatusCode;
  if (ack.from.sid != meant) {
    return Refuse(Code::kFailedPrecondition, self, ack.from,
                  "it answers at the address of server " + ToString(meant));
  }
  if (ack.protocol < kProtocolMin || ack.protocol > kProtocolMax) {
    return Refuse(Code::kFailedPrecondition, self, ack.from,
                  "it chose protocol version " + std::to_string(ack.protocol));
  }
  if (Foreign(self, ack.from)) {
    return Refuse(Code::kFailedPrecondition, self, ack.from, "another ensemble");
  }
  return absl::OkStatus();
}

std::string Describe(const Identity& identity) {
  return "server " + ToString(identity.sid) + " (boot " + std::to_string(identity.boot) +
         ", disk " + ToString(identity.disk) + ", ensemble " +
         (identity.ensemble == EnsembleId{} ? "none" : ToString(identity.ensemble)) + ")";
}

}  // namespace zkq::transport
