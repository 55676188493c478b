#include "lib/testing/world/sim_tap.h"

#include <algorithm>
#include <utility>

namespace zkq::testing {
namespace {

SimNetworkObserver::Carried CarriedBy(const Message& message) { return {.message = &message}; }
SimNetworkObserver::Carried CarriedBy(const Notification& notification) {
  return {.notification = &notification};
}
SimNetworkObserver::Carried CarriedBy(const SnapshotChunk& piece) { return {.piece = &piece}; }

}  // namespace

void SimTap::Began(const SimProcess& self) {
  if (self.place != self.self.sid) places_[{self.self.sid, self.self.boot}] = self.place;
}

ServerId SimTap::PlaceOf(const LinkId& peer) const {
  const auto elsewhere = places_.find({peer.sid, peer.boot});
  return elsewhere == places_.end() ? peer.sid : elsewhere->second;
}

SimTap::Route SimTap::To(const SimProcess& self, const LinkId& to) const {
  return {.from = self.place,
          .to = PlaceOf(to),
          .from_boot = self.self.boot,
          .to_boot = to.boot,
          .link = to.seq};
}

SimTap::Route SimTap::From(const SimProcess& self, const LinkId& from) const {
  return {.from = PlaceOf(from),
          .to = self.place,
          .from_boot = from.boot,
          .to_boot = self.self.boot,
          .link = from.seq};
}

SimTap::Key SimTap::KeyOf(const Route& route) {
  return {route.to, route.from, route.to_boot, route.from_boot, route.link};
}

template <typename T>
void SimTap::Put(const Route& route, Queue<T>* queue, const T& what, uint64_t order) {
  observer_->OnSent(route, CarriedBy(what));
  queue->push_back({.what = what, .at = scheduler_.now(), .order = order});
}

void SimTap::Sent(const SimProcess& self, const LinkId& to, const Message& message) {
  if (observer_ == nullptr) return;
  Way& way = WayOf(To(self, to));
  Put(To(self, to), LaneOf(message) == Lane::kControl ? &way.control : &way.zab, message,
      ++way.sent);
}

void SimTap::Sent(const SimProcess& self, const LinkId& to, const Notification& notification) {
  if (observer_ == nullptr) return;
  Way& way = WayOf(To(self, to));
  Put(To(self, to), &way.notifications, notification, ++way.sent);
}

void SimTap::Sent(const SimProcess& self, const LinkId& to, const SnapshotChunk& piece) {
  if (observer_ == nullptr) return;
  Way& way = WayOf(To(self, to));
  Put(To(self, to), &way.pieces, piece, ++way.sent);
}

template <typename T>
void SimTap::NoteOvertaken(const Route& route, uint64_t order, Queue<T>* queue) {
  if (queue->empty()) return;
  Sending<T>& first = queue->front();
  if (first.order > order || std::exchange(first.overtaken, true)) return;
  observer_->OnOvertaken(route, CarriedBy(first.what));
}

// What stands before it in its queue was superseded.
template <typename T>
void SimTap::Take(const Route& route, Way* way, Queue<T>* queue, size_t at,
                  const Carried& carried) {
  if (at < queue->size()) {
    const Sending<T> sent = (*queue)[at];
    queue->erase(queue->begin(), queue->begin() + static_cast<ptrdiff_t>(at) + 1);
    NoteOvertaken(route, sent.order, &way->control);
    NoteOvertaken(route, sent.order, &way->notifications);
    NoteOvertaken(route, sent.order, &way->zab);
    NoteOvertaken(route, sent.order, &way->pieces);
    if (scheduler_.now() - sent.at > paths_.long_delay()) observer_->OnDelayed(route, carried);
  }
  observer_->OnDelivered(route, carried);
}

void SimTap::Delivered(const SimProcess& self, const LinkId& from, const Message& message) {
  if (observer_ == nullptr) return;
  const Route route = From(self, from);
  Way& way = WayOf(route);
  Take(route, &way, LaneOf(message) == Lane::kControl ? &way.control : &way.zab, 0,
       CarriedBy(message));
}

// One that was announced before its sender knew of the link was not seen.
void SimTap::Delivered(const SimProcess& self, const LinkId& from,
                       const Notification& notification) {
  if (observer_ == nullptr) return;
  const Route route = From(self, from);
  Way& way = WayOf(route);
  size_t at = 0;
  while (at < way.notifications.size() && way.notifications[at].what != notification) ++at;
  Take(route, &way, &way.notifications, at, CarriedBy(notification));
}

void SimTap::Delivered(const SimProcess& self, const LinkId& from, const SnapshotChunk& piece) {
  if (observer_ == nullptr) return;
  const Route route = From(self, from);
  Way& way = WayOf(route);
  size_t at = 0;
  while (at < way.pieces.size() && way.pieces[at].what.offset != piece.offset) ++at;
  Take(route, &way, &way.pieces, at, CarriedBy(piece));
}

template <typename T>
void SimTap::Lose(const Route& route, const Queue<T>& queue, Loss why) {
  for (const Sending<T>& lost : queue) observer_->OnLost(route, CarriedBy(lost.what), why);
}

void SimTap::LoseAll(std::map<Key, Way>::iterator way, Loss why) {
  const auto [to, from, to_boot, from_boot, link] = way->first;
  const Route route{
      .from = from, .to = to, .from_boot = from_boot, .to_boot = to_boot, .link = link};
  if (why == Loss::kLinkBroke && crashed_.contains({from, from_boot})) why = Loss::kSenderCrashed;
  const Way lost = std::move(way->second);
  ways_.erase(way);
  Lose(route, lost.control, why);
  Lose(route, lost.notifications, why);
  Lose(route, lost.zab, why);
  Lose(route, lost.pieces, why);
}

// Of the links before this one nothing comes any more.
void SimTap::Up(const SimProcess& self, const LinkId& link) {
  if (observer_ == nullptr) return;
  const Route route = From(self, link);
  auto way = ways_.lower_bound({route.to, route.from, 0, 0, 0});
  while (way != ways_.end() && std::get<0>(way->first) == route.to &&
         std::get<1>(way->first) == route.from) {
    const auto older = way++;
    if (older->first != KeyOf(route)) LoseAll(older, Loss::kLinkBroke);
  }
  observer_->OnLinkUp(route);
}

void SimTap::Down(const SimProcess& self, const LinkId& link) {
  if (observer_ == nullptr) return;
  const Route route = From(self, link);
  const auto way = ways_.find(KeyOf(route));
  if (way != ways_.end()) LoseAll(way, Loss::kLinkBroke);
  observer_->OnLinkDown(route);
}

void SimTap::Crashed(const SimProcess& self) {
  crashed_.insert({self.place, self.self.boot});
  if (observer_ == nullptr) return;
  auto way = ways_.lower_bound({self.place, kNoServer, 0, 0, 0});
  while (way != ways_.end() && std::get<0>(way->first) == self.place) {
    LoseAll(way++, Loss::kReceiverCrashed);
  }
}

// --- one process ------------------------------------------------------------------

const LinkId* TappedReceiver::link(ServerId sid) const {
  const auto found = up_.find(sid);
  return found == up_.end() ? nullptr : &found->second;
}

void TappedReceiver::OnLinkUp(const LinkId& link, const Identity& peer) {
  if (process_->gone) return;
  up_[link.sid] = link;
  tap_->Up(*process_, link);
  const auto latest = process_->latest.find(link.sid);
  if (latest != process_->latest.end()) tap_->Sent(*process_, link, latest->second);
  receiver_->OnLinkUp(link, peer);
}

void TappedReceiver::OnIntroduced(const LinkId& link, const Identity& peer) {
  if (!process_->gone) receiver_->OnIntroduced(link, peer);
}

void TappedReceiver::OnMessage(const LinkId& link, Message message, Hold hold) {
  if (process_->gone) return;
  tap_->Delivered(*process_, link, message);
  receiver_->OnMessage(link, std::move(message), std::move(hold));
}

void TappedReceiver::OnPart(const LinkId& link, size_t bytes) {
  if (!process_->gone) receiver_->OnPart(link, bytes);
}

void TappedReceiver::OnNotification(const LinkId& link, const Notification& notification) {
  if (process_->gone) return;
  tap_->Delivered(*process_, link, notification);
  receiver_->OnNotification(link, notification);
}

void TappedReceiver::OnLinkDown(const LinkId& link, const absl::Status& why) {
  if (process_->gone) return;
  up_.erase(link.sid);
  tap_->Down(*process_, link);
  receiver_->OnLinkDown(link, why);
}

void TappedReceiver::OnSnapshotAsked(
    const LinkId& link, const SnapshotRequest& request,
    absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&> reply) {
  if (process_->gone) return;
  auto answer = [tap = tap_, process = process_, link,
                 reply = std::move(reply)](absl::StatusOr<SnapshotChunk> chunk) mutable {
    if (process->dead()) return;
    if (chunk.ok()) tap->Sent(*process, link, *chunk);
    std::move(reply)(std::move(chunk));
    process->Say();
  };
  // The task that answers may be blocked by its disk; its transfer is not answered before.
  receiver_->OnSnapshotAsked(link, request,
                             [process = process_, answer = std::move(answer)](
                                 absl::StatusOr<SnapshotChunk> chunk) mutable {
                               process->table->executor().Run([answer = std::move(answer),
                                                               chunk = std::move(chunk)]() mutable {
                                 answer(std::move(chunk));
                               });
                             });
}

void TappedReceiver::OnAsked(const Asker& asker, Question question, absl::Duration time_left,
                             QuorumTransport::Answer reply) {
  if (process_->gone) return;
  receiver_->OnAsked(asker, std::move(question), time_left, std::move(reply));
}

}  // namespace zkq::testing
