#include "lib/testing/world/sim_wires.h"

#include <algorithm>
#include <functional>
#include <string>

namespace zkq::testing {
inline namespace v1 {

namespace {

SimNetworkObserver::Carried CarriedBy(const Message& message) { return {.message = &message}; }
SimNetworkObserver::Carried CarriedBy(const Notification& notification) {
  return {.notification = &notification};
}

}  // namespace

absl::Duration SimNetwork::Wires::Delay(const Range& range) {
  const auto nanoseconds = static_cast<uint64_t>(absl::ToInt64Nanoseconds(range.max - range.min));
  return range.min +
         absl::Nanoseconds(static_cast<int64_t>(scheduler_.random().Below(nanoseconds + 1)));
}

absl::Duration SimNetwork::Wires::Delay(const SimLink& link, size_t from) {
  if (delays_.empty()) return Delay();
  const auto special = delays_.find({link.ends[1 - from].id.sid, link.ends[from].id.sid});
  return Delay(special == delays_.end() ? delay_ : special->second);
}

SimNetwork::Wires::~Wires() {
  // A sink may hold the piece it was given, and with it this network's link.
  for (const auto& [pair, link] : links_) {
    for (SimEnd& end : link->ends) {
      for (const std::shared_ptr<SimFetch>& fetch : std::exchange(end.fetches, {})) {
        QuorumTransport::SnapshotSink ended = std::exchange(fetch->sink, nullptr);
      }
    }
  }
}

// --- processes ------------------------------------------------------------------

absl::Status SimNetwork::Wires::Start(const ProcessPtr& process) {
  const ServerId sid = process->self.sid;
  if (sid == kNoServer) return absl::InvalidArgumentError("a process without a sid");
  if (!processes_.emplace(sid, process).second) {
    return absl::UnavailableError("a process of sid " + ToString(sid) + " is running");
  }
  process->members.erase(sid);
  DialAll(*process);
  return absl::OkStatus();
}

void SimNetwork::Wires::Stop(const ProcessPtr& process) {
  if (process->receiver == nullptr) return;
  const ServerId sid = process->self.sid;
  process->receiver = nullptr;
  processes_.erase(sid);
  const absl::Status why = absl::UnavailableError("the process at the other end is gone");
  for (const auto& [pair, link] : links_) {
    if (pair.first != sid && pair.second != sid) continue;
    Break(link, {.why = why, .by = pair.first == sid ? 0 : 1, .crash = true});
  }
}

void SimNetwork::Wires::KillAfterSends(ServerId sid, uint64_t sends) {
  const auto found = processes_.find(sid);
  if (found != processes_.end()) found->second->sends_left = sends;
}

// It has said one thing more, and may have died of it.
void SimNetwork::Wires::AfterSaying(SimProcess* process) {
  if (!process->sends_left || *process->sends_left == 0) return;
  if (--*process->sends_left == 0 && on_killed_) on_killed_(process->self.sid);
}

void SimNetwork::Wires::Crash(ServerId sid) {
  const auto found = processes_.find(sid);
  if (found != processes_.end()) Stop(ProcessPtr(found->second));
}

void SimNetwork::Wires::SetIdentity(const ProcessPtr& process, const Identity& self) {
  if (process->receiver == nullptr || process->self == self) return;
  process->self = self;
  for (const auto& [pair, link] : links_) {
    if (link->broken || (pair.first != self.sid && pair.second != self.sid)) continue;
    const size_t from = pair.first == self.sid ? 0 : 1;
    if (process->dead() || Loses(link, from)) continue;
    SimEnd& here = link->ends[from];
    here.introduced_at = std::max(here.introduced_at, scheduler_.now() + Delay(*link, from));
    here.introductions.emplace_back(here.introduced_at, self);
    Later(here.introduced_at - scheduler_.now(),
          [this, link = link, from] { Deliver(link, from); });
    AfterSaying(process.get());
  }
}

void SimNetwork::Wires::SetMembers(const ProcessPtr& process, std::set<ServerId> members) {
  const ServerId sid = process->self.sid;
  members.erase(sid);
  process->members = std::move(members);
  if (process->receiver == nullptr) return;
  const auto dropped = [&](const Pair& pair) {
    if (pair.first != sid && pair.second != sid) return false;
    return process->members.count(pair.first == sid ? pair.second : pair.first) == 0;
  };
  BreakWhere(dropped, absl::FailedPreconditionError("no member any more"));
  DialAll(*process);
}

// --- making links ---------------------------------------------------------------

bool SimNetwork::Wires::IsCut(const Pair& pair) const {
  return cuts_.count(pair) > 0 || side_.count(pair.first) != side_.count(pair.second);
}

bool SimNetwork::Wires::Belongs(const Identity& peer, const SimProcess& here) const {
  constexpr EnsembleId kNone = {};
  const EnsembleId& theirs = peer.ensemble;
  const EnsembleId& ours = here.self.ensemble;
  return here.members.count(peer.sid) > 0 && peer.election == here.self.election &&
         (theirs == ours || theirs == kNone || ours == kNone);
}

// A process that comes up or learns of a member sees to it that one of the two dials.
void SimNetwork::Wires::DialAll(const SimProcess& process) {
  for (const ServerId peer : process.members) {
    Dial(PairOf(process.self.sid, peer), options_.connect_delay);
  }
}

void SimNetwork::Wires::Dial(const Pair& pair, absl::Duration delay) {
  if (links_.count(pair) > 0 || !dialling_.insert(pair).second) return;
  Later(delay, [this, pair] { Attempt(pair); });
}

void SimNetwork::Wires::Attempt(const Pair& pair) {
  dialling_.erase(pair);
  const auto dialler = processes_.find(pair.first);
  if (dialler == processes_.end() || dialler->second->members.count(pair.second) == 0) return;
  const auto acceptor = processes_.find(pair.second);
  if (acceptor == processes_.end() || IsCut(pair) || dialler->second->paused ||
      acceptor->second->paused || !Belongs(dialler->second->self, *acceptor->second)) {
    Dial(pair, options_.redial_delay);
    return;
  }
  Connect(dialler->second, acceptor->second);
}

void SimNetwork::Wires::Connect(const ProcessPtr& dialler, const ProcessPtr& acceptor) {
  const LinkPtr link = Link(dialler, acceptor);
  for (size_t end : {0, 1}) {
    Later(Delay(),
          [this, link, end, peer = link->ends[1 - end].process->self] { TellUp(link, end, peer); });
  }
}

SimNetwork::Wires::LinkPtr SimNetwork::Wires::Link(const ProcessPtr& dialler,
                                                   const ProcessPtr& acceptor) {
  const uint64_t seq = ++dialler->links_dialled;
  auto link = std::make_shared<SimLink>();
  link->ends[0].process = dialler;
  link->ends[0].id = {acceptor->self.sid, acceptor->self.boot, seq};
  link->ends[1].process = acceptor;
  link->ends[1].id = {dialler->self.sid, dialler->self.boot, seq};
  links_[PairOf(dialler->self.sid, acceptor->self.sid)] = link;
  return link;
}

bool SimNetwork::Wires::Replace(ServerId a, ServerId b) {
  const LinkPtr old = FindLink(a, b);
  if (old == nullptr || old->broken) return false;
  Break(old, {.why = absl::AbortedError("replaced by a newer link")});
  const LinkPtr link = Link(old->ends[0].process, old->ends[1].process);
  for (size_t end : {0, 1}) {
    // Queued after the news of the old one's end, of the same instant.
    Later(old->ends[end].down_at - scheduler_.now(),
          [this, link, end, peer = link->ends[1 - end].process->self] { TellUp(link, end, peer); });
  }
  return true;
}

void SimNetwork::Wires::TellUp(const LinkPtr& link, size_t end, const Identity& peer) {
  SimEnd& here = link->ends[end];
  if (link->broken || here.process->receiver == nullptr || here.process->dead()) return;
  if (here.process->paused) {
    return Later(options_.redial_delay, [this, link, end, peer] { TellUp(link, end, peer); });
  }
  here.up = true;
  if (observer_ != nullptr) observer_->OnLinkUp(RouteOf(*link, 1 - end));
  here.process->receiver->OnLinkUp(here.id, peer);
  const auto latest = here.process->latest.find(here.id.sid);
  if (!link->broken && latest != here.process->latest.end()) {
    Put(link, end, &here.notifications, latest->second);
    AfterSaying(here.process.get());
  }
  Deliver(link, 1 - end);
}

void SimNetwork::Wires::TellIntroduced(const LinkPtr& link, size_t end, const Identity& peer) {
  SimEnd& here = link->ends[end];
  if (!Belongs(peer, *here.process)) {
    return Break(link, {.why = absl::FailedPreconditionError("it belongs to another ensemble")});
  }
  here.process->receiver->OnIntroduced(here.id, peer);
}

// --- breaking them --------------------------------------------------------------

void SimNetwork::Wires::Break(const LinkPtr& link, const Breaking& breaking) {
  if (link->broken) return;
  link->broken = true;
  for (size_t from : {0, 1}) CutShort(link, from, breaking);
  for (size_t end : {0, 1}) {
    Later(link->ends[end].down_at - scheduler_.now(),
          [this, link, end, why = breaking.why] { TellDown(link, end, why); });
  }
}

// Decides how much of what this end has sent still arrives, and when the other end
// hears that it was the last.
void SimNetwork::Wires::CutShort(const LinkPtr& link, size_t from, const Breaking& breaking) {
  SimEnd& sender = link->ends[from];
  const bool deaf = breaking.by == 1 - from;
  const Loss loss = !breaking.crash ? Loss::kLinkBroke
                    : deaf          ? Loss::kReceiverCrashed
                                    : Loss::kSenderCrashed;
  sender.loss = loss;
  absl::Duration last = scheduler_.now();
  if (!deaf) last += Delay(*link, from);
  last = std::max(last, CutShort(*link, from, &sender.control, deaf, loss));
  last = std::max(last, CutShort(*link, from, &sender.notifications, deaf, loss));
  last = std::max(last, CutShort(*link, from, &sender.zab, deaf, loss));
  link->ends[1 - from].down_at = last;
}

template <typename T>
absl::Duration SimNetwork::Wires::CutShort(const SimLink& link, size_t from, SimLane<T>* lane,
                                           bool all, Loss loss) {
  const size_t kept = all ? 0 : scheduler_.random().Below(lane->size() + 1);
  for (; lane->size() > kept; lane->pop_back()) {
    if (observer_ == nullptr) continue;
    observer_->OnLost(RouteOf(link, from), CarriedBy(lane->back().what), loss);
  }
  return lane->empty() ? absl::ZeroDuration() : lane->back().arrives;
}

void SimNetwork::Wires::LoseRest(const LinkPtr& link, size_t from, Loss loss) {
  SimEnd& sender = link->ends[from];
  CutShort(*link, from, &sender.control, /*all=*/true, loss);
  CutShort(*link, from, &sender.notifications, /*all=*/true, loss);
  CutShort(*link, from, &sender.zab, /*all=*/true, loss);
}

void SimNetwork::Wires::TellDown(const LinkPtr& link, size_t end, const absl::Status& why) {
  SimEnd& here = link->ends[end];
  // A reader that stood still, or died meanwhile, does not get the rest.
  const bool dead = here.process->receiver == nullptr;
  LoseRest(link, 1 - end, dead ? Loss::kReceiverCrashed : Loss::kLinkBroke);
  const auto fetches = std::exchange(here.fetches, {});
  for (const std::shared_ptr<SimFetch>& fetch : fetches) {
    QuorumTransport::SnapshotSink sink = std::exchange(fetch->sink, nullptr);
    if (sink != nullptr && here.process->receiver != nullptr) sink(why, nullptr);
  }
  if (here.up && here.process->receiver != nullptr) {
    if (observer_ != nullptr) observer_->OnLinkDown(RouteOf(*link, 1 - end));
    here.process->receiver->OnLinkDown(here.id, why);
  }
  here.up = false;
  here.over = true;
  if (!link->ends[1 - end].over) return;
  const Pair pair{link->ends[1].id.sid, link->ends[0].id.sid};
  const auto found = links_.find(pair);
  if (found == links_.end() || found->second != link) return;  // there is a newer one
  links_.erase(found);
  Dial(pair, options_.connect_delay);
}

void SimNetwork::Wires::BreakWhere(const std::function<bool(const Pair&)>& chosen,
                                   const absl::Status& why) {
  for (const auto& [pair, link] : links_) {
    if (chosen(pair)) Break(link, {.why = why});
  }
}

void SimNetwork::Wires::DropLink(const ProcessPtr& process, const LinkId& id) {
  size_t end = 0;
  const LinkPtr link = FindUp(process, id, &end);
  if (link != nullptr) Break(link, {.why = absl::CancelledError("dropped by one end"), .by = end});
}

// --- carrying messages ------------------------------------------------------------

SimNetwork::Wires::LinkPtr SimNetwork::Wires::FindLink(ServerId a, ServerId b) const {
  const auto found = links_.find(PairOf(a, b));
  return found == links_.end() ? nullptr : found->second;
}

SimNetwork::Wires::LinkPtr SimNetwork::Wires::FindUp(const ProcessPtr& process, const LinkId& id,
                                                     size_t* end) const {
  LinkPtr link = FindLink(process->self.sid, id.sid);
  if (link == nullptr || link->broken) return nullptr;
  *end = link->ends[0].process == process ? 0 : 1;
  const SimEnd& here = link->ends[*end];
  return here.process == process && here.up && here.id == id ? link : nullptr;
}

SimNetworkObserver::Route SimNetwork::Wires::RouteOf(const SimLink& link, size_t from) const {
  const LinkId& to = link.ends[from].id;
  const LinkId& back = link.ends[1 - from].id;
  return {
      .from = back.sid, .to = to.sid, .from_boot = back.boot, .to_boot = to.boot, .link = to.seq};
}

bool SimNetwork::Wires::Loses(const LinkPtr& link, size_t from) {
  SimEnd& sender = link->ends[from];
  if (!lost_.empty() && lost_.contains({link->ends[1 - from].id.sid, sender.id.sid})) {
    sender.lossy = true;
  }
  return sender.lossy;
}

// Queues `what` after all others of its lane and sees to its delivery. False: it
// is lost.
template <typename T>
bool SimNetwork::Wires::Put(const LinkPtr& link, size_t from, SimLane<T>* lane, T what) {
  if (observer_ != nullptr) observer_->OnSent(RouteOf(*link, from), CarriedBy(what));
  if (Loses(link, from)) {
    if (observer_ != nullptr) {
      observer_->OnLost(RouteOf(*link, from), CarriedBy(what), Loss::kLinkBroke);
    }
    return false;
  }
  absl::Duration arrives =
      std::max(scheduler_.now() + Delay(*link, from), link->ends[from].introduced_at);
  if (!lane->empty()) arrives = std::max(arrives, lane->back().arrives);
  lane->push_back({.sent = scheduler_.now(),
                   .arrives = arrives,
                   .order = ++link->ends[from].sent,
                   .what = std::move(what)});
  Later(arrives - scheduler_.now(), [this, link, from] { Deliver(link, from); });
  return true;
}

void SimNetwork::Wires::Send(const ProcessPtr& process, const LinkId& to, const Message& message) {
  size_t end = 0;
  const LinkPtr link = FindUp(process, to, &end);
  if (link == nullptr || process->dead()) return;
  SimEnd& here = link->ends[end];
  auto* const lane = LaneOf(message) == Lane::kControl ? &here.control : &here.zab;
  if (Put(link, end, lane, message)) here.queued_bytes += SizeOf(message);
  if (here.queued_bytes > options_.outbound_bytes_max) {
    Break(link, {.why = absl::ResourceExhaustedError("the peer is too slow"), .by = end});
  }
  AfterSaying(process.get());
}

void SimNetwork::Wires::Notify(const ProcessPtr& process, ServerId to,
                               const Notification& notification) {
  process->latest[to] = notification;
  const LinkPtr link = FindLink(process->self.sid, to);
  if (process->receiver == nullptr || link == nullptr || link->broken) return;
  const size_t end = link->ends[0].process == process ? 0 : 1;
  SimEnd& here = link->ends[end];
  if (!here.up || process->dead()) return;
  // One slot: what has waited at the other end's door is superseded.
  std::erase_if(here.notifications,
                [&](const auto& waiting) { return waiting.arrives <= scheduler_.now(); });
  Put(link, end, &here.notifications, notification);
  AfterSaying(process.get());
}

// Also of a link that has broken, until the reader is told.
bool SimNetwork::Wires::MayRead(const SimLink& link, size_t from) const {
  const SimEnd& reader = link.ends[1 - from];
  return reader.up && reader.process->receiver != nullptr &&
         reader.held_bytes <= options_.inbound_bytes_max &&
         !stalled_.contains({reader.id.sid, link.ends[from].id.sid}) &&
         !not_reading_.contains(link.ends[from].id.sid);
}

void SimNetwork::Wires::Deliver(const LinkPtr& link, size_t from) {
  auto& introductions = link->ends[from].introductions;
  while (!introductions.empty() && introductions.front().first <= scheduler_.now() &&
         MayRead(*link, from)) {
    const Identity said = std::move(introductions.front().second);
    introductions.pop_front();
    TellIntroduced(link, 1 - from, said);
  }
  while (MayRead(*link, from) && DeliverNext(link, from)) {
  }
}

// A message that its receiver has not consumed.
class SimNetwork::Wires::Held {
 public:
  Held(std::shared_ptr<Wires> wires, LinkPtr link, size_t from, size_t bytes)
      : wires_(wires), link_(link), from_(from), bytes_(bytes) {
    link->ends[1 - from].held_bytes += bytes;
  }
  ~Held() {
    const std::shared_ptr<Wires> wires = wires_.lock();
    const LinkPtr link = link_.lock();
    if (wires == nullptr || link == nullptr) return;
    link->ends[1 - from_].held_bytes -= bytes_;
    wires->Later(absl::ZeroDuration(),
                 [wires = wires.get(), link, from = from_] { wires->Deliver(link, from); });
  }

 private:
  const std::weak_ptr<Wires> wires_;
  const std::weak_ptr<SimLink> link_;
  const size_t from_;
  const size_t bytes_;
};

// Says of what is passed to its reader what a checker may want to know of it.
template <typename T>
void SimNetwork::Wires::NotePassed(const SimLink& link, size_t from, const OnTheWay<T>& passed) {
  if (observer_ == nullptr) return;
  const SimNetworkObserver::Route route = RouteOf(link, from);
  const auto carried = CarriedBy(passed.what);
  if (scheduler_.now() - passed.sent > 4 * delay_.max) observer_->OnDelayed(route, carried);
  observer_->OnDelivered(route, carried);
}

template <typename T>
void SimNetwork::Wires::NoteOvertaken(const SimLink& link, size_t from, uint64_t order,
                                      SimLane<T>* lane) {
  if (observer_ == nullptr || lane->empty()) return;
  OnTheWay<T>& first = lane->front();
  if (first.order > order || std::exchange(first.overtaken, true)) return;
  observer_->OnOvertaken(RouteOf(link, from), CarriedBy(first.what));
}

bool SimNetwork::Wires::DeliverNotification(const LinkPtr& link, size_t from) {
  SimEnd& sender = link->ends[from];
  SimEnd& reader = link->ends[1 - from];
  OnTheWay<Notification> newest;
  while (!sender.notifications.empty() &&
         sender.notifications.front().arrives <= scheduler_.now()) {
    newest = sender.notifications.front();
    sender.notifications.pop_front();
  }
  sender.delivered = std::max(sender.delivered, newest.order);
  NoteOvertaken(*link, from, newest.order, &sender.control);
  NoteOvertaken(*link, from, newest.order, &sender.zab);
  NotePassed(*link, from, newest);
  reader.process->receiver->OnNotification(reader.id, newest.what);
  return true;
}

// Gives the other end the first thing that has arrived, in the order of lanes.
bool SimNetwork::Wires::DeliverNext(const LinkPtr& link, size_t from) {
  SimEnd& sender = link->ends[from];
  SimEnd& reader = link->ends[1 - from];
  const auto arrived = [&](const auto& lane) {
    return !lane.empty() && lane.front().arrives <= scheduler_.now();
  };
  const bool control = arrived(sender.control);
  if (!control && arrived(sender.notifications)) return DeliverNotification(link, from);
  SimLane<Message>& lane = control ? sender.control : sender.zab;
  if (!arrived(lane)) return false;
  OnTheWay<Message> next = std::move(lane.front());
  lane.pop_front();
  sender.delivered = std::max(sender.delivered, next.order);
  NoteOvertaken(*link, from, next.order, control ? &sender.zab : &sender.control);
  NoteOvertaken(*link, from, next.order, &sender.notifications);
  NotePassed(*link, from, next);
  const size_t bytes = SizeOf(next.what);
  sender.queued_bytes -= bytes;
  auto hold = std::make_shared<Held>(shared_from_this(), link, from, bytes);
  reader.process->receiver->OnMessage(reader.id, std::move(next.what), std::move(hold));
  return true;
}

}  // namespace v1
}  // namespace zkq::testing
