// The handshake's part of the link table: streams become links, or are refused.
#include <algorithm>
#include <utility>

#include "lib/base/absl/string_view.h"
#include "lib/link/link_table.h"

namespace zkq::link {
namespace {

absl::Status Replaced() { return absl::AbortedError("replaced by a newer link"); }

}  // namespace

void LinkTable::OnFirst(const LiveLinkPtr& link, Payload frame) {
  const size_t bytes = frame.size();
  FrameReader rest(std::move(frame));
  std::optional<Packet> packet = bytes <= kFirstFrameMax ? rest.Next() : std::nullopt;
  std::optional<Packet> first;
  std::vector<Closing> replaced;
  Judgement judgement{RefusalCode::kMalformed};
  Identity peer{.sid = link->id.sid};  // as far as it is known
  if (packet && link->inbound.Accept(*std::move(packet), &first) && first) {
    if (const auto* hello = std::get_if<Hello>(&first->body)) {
      peer = hello->from;
      judgement = Admit(link, *hello, &replaced);
    } else if (const auto* ack = std::get_if<HelloAck>(&first->body)) {
      peer = ack->from;
      judgement = Establish(link, *ack, &replaced);
      if (judgement.admitted()) WarnIfFar(*link);
    }
  }
  if (rest.changed_on_its_way()) link->CountChange();
  if (!judgement.admitted()) {
    link->Close(Refuse(peer, judgement));
    return;
  }
  for (Closing& closing : replaced) FinishClose(std::move(closing));
  if (link->dialled) link->SayWord();
  link->Flush();
  deliveries_.AddFrame(link, std::move(rest), bytes);
  link->queue->Drain();
}

Judgement LinkTable::Admit(const LiveLinkPtr& link, const Hello& hello,
                           std::vector<Closing>* replaced) {
  const ServerId sid = hello.from.sid;
  const std::lock_guard lock(mutex_);
  if (!running_) return {RefusalCode::kShutDown};
  if (std::find(strangers_.begin(), strangers_.end(), link) == strangers_.end()) {
    return {RefusalCode::kMalformed, "nobody was called"};
  }
  Judgement judgement = JudgeHello(self_, hello, Lookup(sid));
  if (judgement.refusal == RefusalCode::kDialBack) {
    Peer& peer = PeerOf(sid);
    if (peer.live == nullptr || peer.live_disk != hello.from.disk) peer.asked_by = hello.from.disk;
    peer.redial.Reset();
    ScheduleAttempt(sid, &peer);
  }
  if (!judgement.admitted()) return judgement;
  std::erase(strangers_, link);
  ForgetBygones();
  Peer& peer = PeerOf(sid);
  replaced->push_back(TakeLive(sid, &peer, Replaced()));
  link->id = {sid, hello.from.boot, hello.seq};
  const HelloAck ack{.protocol = std::min(kProtocolMax, hello.protocol_max), .from = self_};
  link->QueueControl(EncodePacket(ack));  // Finds room: it is the first.
  MakeLive(&peer, link, hello.from);
  // One that is made beside this disk is due still.
  const bool stays = peer.dialling_beside == hello.from.disk && IsDue(sid, peer);
  if (!stays) {
    replaced->push_back({.link = std::exchange(peer.dialling, nullptr), .why = Replaced()});
    ScheduleAttempt(sid, &peer);
  }
  return {};
}

Judgement LinkTable::Establish(const LiveLinkPtr& link, const HelloAck& ack,
                               std::vector<Closing>* replaced) {
  const std::lock_guard lock(mutex_);
  const auto found = peers_.find(link->id.sid);
  if (!running_ || found == peers_.end() || found->second.dialling != link) {
    return {RefusalCode::kMalformed, "nobody waits for this answer"};
  }
  Peer& peer = found->second;
  const Judgement judgement = JudgeAck(self_, link->id.sid, ack, Lookup(link->id.sid));
  if (!judgement.admitted()) {
    OnDialFailed(link->id.sid, &peer, ToStatus({judgement.refusal, self_.sid}));
    if (ack.from.sid != link->id.sid) {
      Explain(&peer, absl::FailedPreconditionError(ToAbsl("server " + ToString(ack.from.sid) +
                                                          " answers at the address of server " +
                                                          ToString(link->id.sid))));
    }
    return judgement;
  }
  replaced->push_back(TakeLive(link->id.sid, &peer, Replaced()));
  peer.dialling = nullptr;
  if (peer.dialling_beside != DiskId{}) peer.addresses.BesideAnswered();
  link->id.boot = ack.from.boot;
  MakeLive(&peer, link, ack.from);
  return {};
}

absl::StatusOr<LinkPtr> LinkTable::AddStranger(LinkPtr link) {
  bool room = false;
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return ToStatus({RefusalCode::kShutDown, self_.sid});
    room = strangers_.size() < kStrangersMax;
    if (room) strangers_.push_back(link);
  }
  if (!room) return Refuse({}, {RefusalCode::kTooMany});
  After(HandshakeLimit(self()), [weak = std::weak_ptr<Link>(link)](LinkTable* table) {
    if (const LinkPtr late = weak.lock()) table->OnStrangerLate(late);
  });
  return link;
}

// Whichever comes first, this (or OnAttemptLate) or the handshake, takes the link out of where
// it waits, so that the other finds nothing.
void LinkTable::OnStrangerLate(const LinkPtr& link) {
  {
    const std::lock_guard lock(mutex_);
    if (std::erase(strangers_, link) == 0) return;
  }
  link->Close(Refuse({}, {RefusalCode::kTooSlow}));
}

}  // namespace zkq::link
