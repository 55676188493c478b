// The link table's own attempts: it dials, knocks and fetches.
#include <optional>
#include <string>
#include <utility>

#include "lib/link/incoming_transfer.h"
#include "lib/link/link_table.h"

namespace zkq::link {

std::string LinkTable::AddressOf(ServerId sid) {
  const std::lock_guard lock(mutex_);
  const auto peer = peers_.find(sid);
  return peer == peers_.end() ? std::string() : peer->second.addresses.present();
}

void LinkTable::ScheduleAttempt(ServerId sid, Peer* peer) {
  if (dialler_ == nullptr || !IsDue(sid, *peer)) return;
  if (peer->dialling != nullptr || peer->knocking) return;
  const absl::Duration delay = peer->redial.Next(env_.random->Next());
  After(delay, [sid, timer = ++peer->timer](LinkTable* table) { table->MakeAttempt(sid, timer); });
}

void LinkTable::MakeAttempt(ServerId sid, uint64_t timer) {
  std::unique_lock lock(mutex_);
  Peer& peer = PeerOf(sid);
  const Way way = WayTo(sid, peer);
  if (dialler_ == nullptr || !IsDue(sid, peer) || peer.timer != timer || peer.dialling != nullptr ||
      peer.knocking) {
    return;
  }
  const std::shared_ptr<Dialler> dialler = dialler_;
  const bool beside = peer.live != nullptr;
  const std::string address = beside ? peer.addresses.beside() : peer.addresses.present();
  peer.attempted = address;
  const Identity self = self_;
  if (!std::exchange(peer.may_dial, false) && way == Way::kKnock) {
    peer.knocking = true;
    lock.unlock();
    dialler->Knock(address, self, sid, [weak = weak_from_this(), sid](absl::Status status) {
      if (const auto table = weak.lock()) table->OnKnockDone(sid, status);
    });
    return;
  }
  const auto link = std::make_shared<LiveLink>(shared_from_this(), options_.bounds);
  // Odd where the larger id dials, else even: so no two links of a pair have one id.
  link->id = {.sid = sid, .seq = 2 * ++last_seq_ - (Dials(self.sid, sid) ? 1 : 0)};
  link->dialled = true;
  peer.dialling = link;
  const DiskId linked = peer.dialling_beside = beside ? peer.live_disk : DiskId{};
  lock.unlock();
  link->QueueControl(
      EncodePacket(HelloOn(link->id, self, linked)));  // Finds room: it is the first.
  After(AttemptLimit(self), [weak = std::weak_ptr<LiveLink>(link)](LinkTable* table) {
    if (const LiveLinkPtr late = weak.lock()) table->OnAttemptLate(late);
  });
  const absl::Status begun = dialler->Dial(address, link);
  if (!begun.ok()) OnNotDialled(link, begun);
}

// Nothing is known of the peer by that, nor of its address.
void LinkTable::OnNotDialled(const LiveLinkPtr& link, const absl::Status& why) {
  const std::lock_guard lock(mutex_);
  const ServerId sid = link->id.sid;
  Peer& peer = PeerOf(sid);
  if (peer.dialling != link) return;
  peer.dialling = nullptr;
  NoteFailure(sid, &peer, why, Explained(why, self_.sid));
  peer.redial.Failed();
  ScheduleAttempt(sid, &peer);
}

void LinkTable::OnDialFailed(ServerId sid, Peer* peer, const absl::Status& why) {
  peer->dialling = nullptr;
  NoteFailure(sid, peer, why, Explained(why, self_.sid));
  const bool was_asked = std::exchange(peer->asked_by, std::nullopt).has_value();
  const std::optional<Refused> refused = RefusedIn(why);
  const bool was_reached = refused && !IsOfAnother(*refused, self_.sid);
  if (was_asked && !was_reached) ++peer->dial_backs_failed;
  NoteAddressFailed(peer, peer->dialling_beside != DiskId{});
  peer->redial.Failed();
  ScheduleAttempt(sid, peer);
}

void LinkTable::NoteAddressFailed(Peer* peer, bool beside) {
  if (beside) return peer->addresses.BesideFailed();
  peer->addresses.Failed();
}

// Another disk may answer than the one that asked to be dialled.
void LinkTable::NoteDialBack(Peer* peer, bool dialled, const DiskId& disk) {
  if (peer->asked_by == disk) {
    peer->dial_backs_failed = 0;
    peer->asked_by.reset();
  } else if (peer->asked_by && dialled) {
    ++peer->dial_backs_failed;
    peer->asked_by.reset();
  } else if (!LacksLink(*peer)) {
    peer->dial_backs_failed = 0;
    const Seat& seat = peer->seat;
    if (peer->asked_by && seat.Rank(*peer->asked_by) < seat.Rank(disk)) peer->asked_by.reset();
  }
}

void LinkTable::OnKnockDone(ServerId sid, const absl::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    Peer& peer = PeerOf(sid);
    peer.knocking = false;
    const std::optional<Refused> refused = RefusedIn(status);
    peer.may_dial = refused && refused->code == RefusalCode::kDialMe;
    if (!peer.may_dial) {
      NoteFailure(sid, &peer, status, NotDialledBack(sid, peer, status));
      // It may be the disk that is linked who has heard it.
      const bool beside = peer.live != nullptr;
      if (!status.ok() || beside) NoteAddressFailed(&peer, beside);
      peer.redial.Failed();
    }
    ScheduleAttempt(sid, &peer);
  }
  if (IsLasting(status)) LogRefusedBy(sid, status);
}

void LinkTable::OnAttemptLate(const LiveLinkPtr& link) {
  {
    const std::lock_guard lock(mutex_);
    const ServerId sid = link->id.sid;
    Peer& peer = PeerOf(sid);
    if (peer.dialling != link) return;
    OnDialFailed(sid, &peer, NoAnswer(peer));
  }
  link->Close(ToStatus({RefusalCode::kTooSlow, self().sid}));
}

void LinkTable::OnFetchFailed(ServerId sid, const std::string& address) {
  const std::lock_guard lock(mutex_);
  PeerAddresses& addresses = PeerOf(sid).addresses;
  if (addresses.present() == address) addresses.Failed();
}

void LinkTable::FetchSnapshot(const LinkId& link, const SnapshotRequest& request,
                              QuorumTransport::SnapshotSink sink) {
  After(absl::ZeroDuration(), [link, request, sink = std::move(sink)](LinkTable* table) mutable {
    table->Fetch(link, request, std::move(sink));
  });
}

void LinkTable::Fetch(const LinkId& id, const SnapshotRequest& request,
                      QuorumTransport::SnapshotSink sink) {
  const LiveLinkPtr link = Find(id);
  const std::string address = AddressOf(id.sid);
  std::shared_ptr<Dialler> dialler;
  Identity self;
  {
    const std::lock_guard lock(mutex_);
    dialler = dialler_;
    self = self_;
  }
  if (link == nullptr || dialler == nullptr || address.empty()) {
    if (!gate_->Enter()) return;
    const bool up = link != nullptr && dialler != nullptr;
    sink(up ? NoAddress(id.sid) : absl::UnavailableError("the link is down"), nullptr);
    return gate_->Leave();
  }
  const auto transfer =
      std::make_shared<IncomingTransfer>(shared_from_this(), address,
                                         FetchRequest{.link = {self.sid, self.boot, id.seq},
                                                      .to = id.sid,
                                                      .snapshot = request.snapshot,
                                                      .offset = request.offset},
                                         std::move(sink));
  transfer->Watch(SilenceLimit(self), link->talk_interval());
  if (!link->AddTransfer(transfer)) transfer->Break(absl::AbortedError("the link is down"));
  dialler->Fetch(address, transfer);
}

}  // namespace zkq::link
