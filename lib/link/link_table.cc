#include "lib/link/link_table.h"

#include <algorithm>
#include <utility>

#include "lib/base/absl/string_view.h"
#include "lib/link/outgoing_transfer.h"

namespace zkq::link {
namespace {

// An absl::Status is not shared between threads: where Abseil is not
// instrumented, its reference counts look like races to ThreadSanitizer.
absl::Status Copy(const absl::Status& status) {
  return absl::Status(status.code(), status.message());
}

// What passes wherever anything does.
constexpr size_t kSmallFrame = 1200;
constexpr int kSilencesTold = 3;

}  // namespace

LinkTable::LinkTable(const TableOptions& options) : options_(options), log_(options.log_sink) {
  deliveries_.SetJudge(
      [this](const LinkId& link, const Identity& peer) { return TakeIntroduction(link, peer); });
}

absl::Status LinkTable::TakeIntroduction(const LinkId& link, const Identity& peer) {
  Judgement judgement;
  {
    const std::lock_guard lock(mutex_);
    judgement = JudgeIntroduction(self_, link, Lookup(link.sid).live_disk, peer);
  }
  return judgement.admitted() ? absl::OkStatus() : Refuse(peer, judgement);
}

// --- QuorumTransport's part ------------------------------------------------------

void LinkTable::Start(const Env& env, const Identity& self, QuorumTransport::Receiver* receiver) {
  env_ = env;
  log_.Queue(env.blocking_executor);
  receiver_ = receiver;
  deliveries_.SetReceiver(receiver);
  questions_->Start(env.executor);
  const std::lock_guard lock(mutex_);
  self_ = self;
  running_ = true;
  for (auto& [sid, peer] : peers_) peer.reach.Listed(env_.clock->Monotonic());
  Want();
}

void LinkTable::StartDialling(std::shared_ptr<Dialler> dialler) {
  const std::lock_guard lock(mutex_);
  dialler_ = std::move(dialler);
  for (auto& [sid, peer] : peers_) ScheduleAttempt(sid, &peer);
}

// Links that are up are told. An attempt that was begun as somebody else is begun anew.
void LinkTable::SetIdentity(const Identity& self) {
  const absl::Status why = absl::AbortedError("made with an identity that is outdated");
  std::vector<LiveLinkPtr> live;
  std::vector<Closing> old;
  {
    const std::lock_guard lock(mutex_);
    if (self == self_) return;
    self_ = self;
    for (auto& [sid, peer] : peers_) {
      if (peer.live != nullptr) live.push_back(peer.live);
      if (peer.dialling == nullptr) continue;
      old.push_back({.link = std::exchange(peer.dialling, nullptr), .why = Copy(why)});
      peer.redial.WantSoon();
      ScheduleAttempt(sid, &peer);
    }
  }
  for (Closing& closing : old) FinishClose(std::move(closing));
  for (const LiveLinkPtr& link : live) Introduce(link, self);
}

void LinkTable::Introduce(const LiveLinkPtr& link, const Identity& self) {
  if (link->QueueControl(EncodePacket(HelloOn(link->id, self)))) return link->Flush();
  OnBroken(link, absl::ResourceExhaustedError("no room to say who this peer has become"));
}

// A link that is up stays, whatever becomes of its ends (PROTOCOL §5.3 D8). An attempt that is not
// due any more ends.
void LinkTable::SetMembers(absl::Span<const Member> members) {
  const absl::Status why = absl::AbortedError("no link is due from here any more");
  std::vector<Closing> old;
  {
    const std::lock_guard lock(mutex_);
    List(members);
    for (auto& [sid, peer] : peers_) {
      if (peer.dialling != nullptr && !IsDue(sid, peer)) {
        old.push_back({.link = std::exchange(peer.dialling, nullptr), .why = Copy(why)});
      }
      ScheduleAttempt(sid, &peer);
    }
  }
  for (Closing& closing : old) FinishClose(std::move(closing));
}

void LinkTable::Send(std::span<const LinkId> to, const Message& message) {
  const Encoded encoded = EncodeOnce(message);
  for (const LinkId& id : to) {
    if (const LiveLinkPtr link = Find(id)) link->Send(encoded);
  }
}

void LinkTable::Notify(ServerId to, const Notification& notification) {
  std::string encoded = EncodePacket(notification);
  LiveLinkPtr live;
  {
    const std::lock_guard lock(mutex_);
    ForgetBygones();
    Peer& peer = PeerOf(to);
    peer.latest = encoded;
    live = peer.live;
    // Who looks for a leader needs everybody, now.
    if (notification.state == PeerState::kLooking && notification.look_seq > peer.looked) {
      peer.looked = notification.look_seq;
      peer.redial.Reset();
      ScheduleAttempt(to, &peer);
    }
  }
  if (live != nullptr) live->Announce(std::move(encoded));
}

void LinkTable::DropLink(const LinkId& id) {
  if (const LiveLinkPtr link = Find(id)) OnBroken(link, absl::AbortedError("dropped"));
}

void LinkTable::Shutdown() {
  const absl::Status why = absl::UnavailableError("shut down");
  std::vector<Closing> old;
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    dialler_ = nullptr;
    for (const LinkPtr& link : strangers_) old.push_back({.link = link, .why = Copy(why)});
    strangers_.clear();
    for (auto& [sid, peer] : peers_) {
      old.push_back({.link = std::exchange(peer.dialling, nullptr), .why = Copy(why)});
      old.push_back(TakeLive(sid, &peer, why));
      old.back().queue = peer.queue;
    }
  }
  for (const Closing& closing : old) {
    if (closing.link != nullptr) closing.link->Close(EndedHere(why));
  }
  for (const Closing& closing : old) {
    if (closing.queue != nullptr) closing.queue->Settle();
  }
  questions_->Close();
  gate_->Close();
}

// --- for the RPCs ------------------------------------------------------------------

absl::StatusOr<LinkPtr> LinkTable::Accept() {
  return AddStranger(std::make_shared<LiveLink>(shared_from_this(), options_.bounds));
}

absl::StatusOr<LinkPtr> LinkTable::AcceptTransfer() {
  return AddStranger(std::make_shared<OutgoingTransfer>(shared_from_this()));
}

absl::Status LinkTable::OnKnock(const std::optional<Identity>& from, ServerId to) {
  if (!from) return Refuse({}, {RefusalCode::kMalformed});
  Closing dead;
  Judgement judgement;
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return ToStatus({RefusalCode::kShutDown, self_.sid});
    const KnownPeer known = Lookup(from->sid);
    judgement = JudgeKnock(self_, *from, to, known);
    if (judgement.admitted()) {
      Peer& peer = PeerOf(from->sid);
      peer.asked_by = from->disk;
      peer.redial.WantSoon();
      // One with another disk stays until this one answers: it may not, at the address that is
      // known.
      const bool other = known.live && known.live_disk != from->disk;
      if (known.live && !other && known.live->boot < from->boot) {
        dead = TakeLive(from->sid, &peer, absl::AbortedError("the peer has started anew"));
      } else if (!known.live || other) {
        peer.redial.Reset();
        ScheduleAttempt(from->sid, &peer);
      }
    }
  }
  FinishClose(std::move(dead));
  return judgement.admitted() ? absl::OkStatus() : Refuse(*from, judgement);
}

LiveLinkPtr LinkTable::Find(const LinkId& id) {
  const std::lock_guard lock(mutex_);
  const auto peer = peers_.find(id.sid);
  if (peer == peers_.end() || peer->second.live == nullptr) return nullptr;
  return peer->second.live->id == id ? peer->second.live : nullptr;
}

Identity LinkTable::self() {
  const std::lock_guard lock(mutex_);
  return self_;
}

void LinkTable::AskSnapshot(const LiveLinkPtr& link, const SnapshotRequest& request,
                            Deliveries::SnapshotReply reply) {
  deliveries_.AddSnapshotAsked(link, request, std::move(reply));
  link->queue->Drain();
}

void LinkTable::Forget(const LinkPtr& stranger) {
  const std::lock_guard lock(mutex_);
  std::erase(strangers_, stranger);
}

// --- for the links -----------------------------------------------------------------------

void LinkTable::OnFrame(const LiveLinkPtr& link, Payload frame) {
  if (link->queue == nullptr) {
    OnFirst(link, std::move(frame));
    return;
  }
  const size_t bytes = frame.size();
  deliveries_.AddFrame(link, FrameReader(std::move(frame)), bytes);
  link->queue->Drain();
}

void LinkTable::OnBroken(const LiveLinkPtr& link, absl::Status why) {
  // What came over it was changed on its way, or is no peer's of ours; or it does not take
  // what this server has to send.
  const bool broken =
      absl::IsDataLoss(why) || absl::IsInvalidArgument(why) || absl::IsResourceExhausted(why);
  Lose(link, why, broken ? Line::kLinkBroken : Line::kUnlinked);
}

void LinkTable::Lose(const LiveLinkPtr& link, const absl::Status& why, Line line) {
  Closing closing{.link = link, .why = Copy(why)};
  {
    const std::lock_guard lock(mutex_);
    const auto peer = peers_.find(link->id.sid);
    if (peer != peers_.end() && peer->second.live == link) {
      closing = TakeLive(link->id.sid, &peer->second, why, line);
    }
  }
  FinishClose(std::move(closing));
}

// Where a path swallows large packets, every link comes up, and goes silent with the first one.
void LinkTable::OnSilent(const LiveLinkPtr& link, absl::Status why) {
  const ServerId sid = link->id.sid;
  int silences = 0;
  {
    const std::lock_guard lock(mutex_);
    Peer& peer = PeerOf(sid);
    if (peer.live == link && link->largest_read() <= kSmallFrame) silences = ++peer.silences;
  }
  if (silences == kSilencesTold) {
    log_.Write(Line::kPathMtu, self().sid, sid, env_.clock->Monotonic(),
               "server " + ToString(sid) + ": " + std::to_string(silences) +
                   " links in a row have gone silent before a frame of more than " +
                   std::to_string(kSmallFrame) +
                   " bytes came; does something on the way swallow large packets (path MTU)?");
  }
  Lose(link, why, Line::kLinkSilent);
}

void LinkTable::OnEnded(const LiveLinkPtr& link, absl::Status status) {
  if (status.ok()) status = absl::UnavailableError("the peer has closed the stream");
  Closing closing;
  bool refused = false;
  ServerId sid;
  {
    const std::lock_guard lock(mutex_);
    std::erase(strangers_, link);
    sid = link->id.sid;
    const auto found = peers_.find(sid);
    if (found == peers_.end()) return;
    Peer& peer = found->second;
    if (peer.live == link) {
      closing = TakeLive(sid, &peer, status);
    } else if (peer.dialling == link) {
      refused = IsLasting(status);
      OnDialFailed(sid, &peer, status);
    }
  }
  if (refused) LogRefusedBy(sid, status);
  if (closing.queue != nullptr) closing.queue->Drain();
}

void LinkTable::After(absl::Duration delay, absl::AnyInvocable<void(LinkTable*)> task) {
  env_.executor->RunAfter(delay, [weak = weak_from_this(), task = std::move(task)]() mutable {
    if (const auto table = weak.lock()) task(table.get());
  });
}

// --- links come and go ---------------------------------------------------------------

LinkTable::Peer& LinkTable::PeerOf(ServerId sid) {
  const auto [peer, is_new] = peers_.try_emplace(sid, gate_);
  if (is_new && running_) peer->second.reach.Listed(env_.clock->Monotonic());
  return peer->second;
}

LinkTable::Closing LinkTable::TakeLive(ServerId sid, Peer* peer, const absl::Status& why,
                                       Line line) {
  if (peer->live == nullptr) return {};
  const LiveLinkPtr link = std::exchange(peer->live, nullptr);
  deliveries_.AddDown(link, Copy(why));
  if (link->largest_read() > kSmallFrame) peer->silences = 0;
  const absl::Duration now = env_.clock->Monotonic();
  peer->redial.Lost(now - peer->reach.state().since >= 2 * absl::FromChrono(self_.tick));
  peer->reach.Down(now, Explained(why, self_.sid), link->round_trip());
  peer->end_line = line;
  peer->untold = true;
  TellSoon(sid);
  ScheduleAttempt(sid, peer);
  return {.link = link, .queue = peer->queue, .why = Copy(why)};
}

void LinkTable::MakeLive(Peer* peer, const LiveLinkPtr& link, const Identity& identity) {
  peer->live = link;
  peer->live_disk = identity.disk;
  NoteBeside(peer);
  NoteDialBack(peer, link->dialled, identity.disk);
  peer->reach.Up(env_.clock->Monotonic());
  peer->untold = true;
  TellSoon(link->id.sid);
  link->queue = peer->queue;
  link->Watch(SilenceLimit(self_), TalkInterval(identity));
  if (!peer->latest.empty()) link->QueueLatest(peer->latest);
  deliveries_.AddUp(link, identity);
  ScheduleAttempt(link->id.sid, peer);
}

// At the other end "silent for 1s", say, would read as if that one had heard nothing.
absl::Status LinkTable::EndedHere(const absl::Status& why) {
  return absl::Status(why.code(), ToAbsl("ended by server " + ToString(self().sid) + ": " +
                                         std::string(FromAbsl(why.message()))));
}

void LinkTable::FinishClose(Closing closing) {
  if (closing.queue != nullptr) closing.why = EndedHere(closing.why);
  if (closing.link != nullptr) closing.link->Close(std::move(closing.why));
  if (closing.queue != nullptr) {
    env_.executor->Run([queue = std::move(closing.queue)] { queue->Drain(); });
  }
}

}  // namespace zkq::link
