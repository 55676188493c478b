// The handshake's part of the link table: streams become links, or are refused.
#include <algorithm>
#include <utility>

#include "lib/transport/link_table.h"

namespace zkq::transport {
namespace {

// More than any handshake has.
constexpr size_t kFirstFrameMax = 64 << 10;

}  // namespace

void LinkTable::OnFirst(const LinkPtr& link, Payload frame) {
  const size_t bytes = frame.size();
  FrameReader rest(std::move(frame));
  std::optional<Packet> packet = bytes <= kFirstFrameMax ? rest.Next() : std::nullopt;
  std::optional<Packet> first;
  Farewell replaced;
  absl::Status verdict = absl::InvalidArgumentError("the stream begins with no handshake");
  ServerId sid = link->id.sid;
  if (packet && link->inbound.Accept(*std::move(packet), &first) && first) {
    if (const auto* hello = std::get_if<Hello>(&first->body)) {
      sid = hello->from.sid;
      verdict = Admit(link, *hello, &replaced);
    } else if (const auto* ack = std::get_if<HelloAck>(&first->body)) {
      verdict = Establish(link, *ack);
    }
  }
  if (!verdict.ok()) {
    LogRefusal(sid, verdict);
    link->Close(std::move(verdict));
    return;
  }
  Part(std::move(replaced));
  link->Flush();
  deliveries_.AddFrame(link, std::move(rest), bytes);
  link->strand->Drain();
}

absl::Status LinkTable::Admit(const LinkPtr& link, const Hello& hello, Farewell* replaced) {
  const ServerId sid = hello.from.sid;
  const std::lock_guard lock(mutex_);
  if (!running_) return absl::UnavailableError("shut down");
  if (!strangers_.contains(link)) return absl::InvalidArgumentError("nobody was called");
  absl::Status judgement = JudgeHello(self_, hello, Know(sid));
  if (absl::IsAborted(judgement)) {
    PeerOf(sid).redial.Reset();
    Reach(sid, &PeerOf(sid));
  }
  if (!judgement.ok()) return judgement;
  strangers_.erase(link);
  Peer& peer = PeerOf(sid);
  *replaced = TakeLive(sid, &peer, absl::AbortedError("replaced by a newer link"));
  link->id = {sid, hello.from.boot, hello.seq};
  const HelloAck ack{.protocol = std::min(kProtocolMax, hello.protocol_max), .from = self_};
  if (!link->QueueControl(Encode(ack))) return absl::InternalError("no room for the handshake");
  MakeLive(&peer, link, hello.from);
  return absl::OkStatus();
}

absl::Status LinkTable::Establish(const LinkPtr& link, const HelloAck& ack) {
  const std::lock_guard lock(mutex_);
  const auto found = peers_.find(link->id.sid);
  if (!running_ || found == peers_.end() || found->second.dialling != link) {
    return absl::AbortedError("nobody waits for this answer");
  }
  Peer& peer = found->second;
  absl::Status judgement = JudgeAck(self_, link->id.sid, ack);
  if (!judgement.ok()) {
    peer.dialling = nullptr;
    peer.redial.Refused();
    Reach(link->id.sid, &peer);
    return judgement;
  }
  peer.dialling = nullptr;
  link->id.boot = ack.from.boot;
  MakeLive(&peer, link, ack.from);
  return absl::OkStatus();
}

void LinkTable::WatchHandshake(const LinkPtr& link) {
  timers_->RunAfter(options_.handshake_timeout,
                    [self = weak_from_this(), weak = std::weak_ptr<Link>(link)] {
                      const auto table = self.lock();
                      const LinkPtr late = weak.lock();
                      if (table != nullptr && late != nullptr) table->OnHandshakeTimeout(late);
                    });
}

// Whichever comes first, this or the handshake, takes the link out of where it
// waits, so that the other finds nothing.
void LinkTable::OnHandshakeTimeout(const LinkPtr& link) {
  {
    const std::lock_guard lock(mutex_);
    const ServerId sid = link->id.sid;
    const auto peer = peers_.find(sid);
    if (peer != peers_.end() && peer->second.dialling == link) {
      peer->second.dialling = nullptr;
      peer->second.redial.Failed();
      Reach(sid, &peer->second);
    } else if (strangers_.erase(link) == 0) {
      return;
    }
  }
  link->Close(absl::DeadlineExceededError("the handshake takes too long"));
}

void LinkTable::LogRefusal(ServerId peer, const absl::Status& why) {
  ServerId self;
  {
    const std::lock_guard lock(mutex_);
    self = self_.sid;
    if (!Know(peer).member) peer = kNoServer;
  }
  refusals_.Log(self, peer, why);
}

}  // namespace zkq::transport
