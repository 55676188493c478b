#include "lib/testing/sim_wires.h"

#include <algorithm>
#include <functional>
#include <string>

namespace zkq::testing {
inline namespace v1 {

template <typename Task>
void SimNetwork::Wires::Later(absl::Duration delay, Task task) {
  scheduler_.After(delay, [weak = weak_from_this(), task = std::move(task)]() mutable {
    if (const std::shared_ptr<Wires> alive = weak.lock()) task();
  });
}

absl::Duration SimNetwork::Wires::Delay() {
  const absl::Duration spread = options_.delay_max - options_.delay_min;
  const auto nanoseconds = static_cast<uint64_t>(absl::ToInt64Nanoseconds(spread));
  return options_.delay_min +
         absl::Nanoseconds(static_cast<int64_t>(scheduler_.random().Below(nanoseconds + 1)));
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
  DialAll(*process);
  return absl::OkStatus();
}

void SimNetwork::Wires::Stop(const ProcessPtr& process) {
  if (process->receiver == nullptr) return;
  const ServerId sid = process->self.sid;
  process->receiver = nullptr;
  processes_.erase(sid);
  BreakWhere([sid](const Pair& pair) { return pair.first == sid || pair.second == sid; },
             absl::UnavailableError("the process at the other end is gone"));
}

void SimNetwork::Wires::Crash(ServerId sid) {
  const auto found = processes_.find(sid);
  if (found != processes_.end()) Stop(ProcessPtr(found->second));
}

void SimNetwork::Wires::SetIdentity(const ProcessPtr& process, const Identity& self) {
  if (process->receiver == nullptr || process->self == self) return;
  process->self = self;
  const ServerId sid = self.sid;
  BreakWhere([sid](const Pair& pair) { return pair.first == sid || pair.second == sid; },
             absl::AbortedError("the identity has changed"));
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

bool SimNetwork::Wires::Accepts(const SimProcess& dialler, const SimProcess& acceptor) const {
  constexpr EnsembleId kNone = {};
  const EnsembleId& theirs = dialler.self.ensemble;
  const EnsembleId& ours = acceptor.self.ensemble;
  return acceptor.members.count(dialler.self.sid) > 0 &&
         (theirs == ours || theirs == kNone || ours == kNone);
}

// Whoever comes up or learns of a member sees to it that one of the two dials.
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
  if (acceptor == processes_.end() || IsCut(pair) ||
      !Accepts(*dialler->second, *acceptor->second)) {
    Dial(pair, options_.redial_delay);
    return;
  }
  Connect(dialler->second, acceptor->second);
}

void SimNetwork::Wires::Connect(const ProcessPtr& dialler, const ProcessPtr& acceptor) {
  const uint64_t seq = ++dialler->links_dialled;
  auto link = std::make_shared<SimLink>();
  link->ends[0].process = dialler;
  link->ends[0].id = {acceptor->self.sid, acceptor->self.boot, seq};
  link->ends[1].process = acceptor;
  link->ends[1].id = {dialler->self.sid, dialler->self.boot, seq};
  links_[PairOf(dialler->self.sid, acceptor->self.sid)] = link;
  for (size_t end : {0, 1}) {
    Later(absl::ZeroDuration(),
          [this, link, end, peer = link->ends[1 - end].process->self] { TellUp(link, end, peer); });
  }
}

void SimNetwork::Wires::TellUp(const LinkPtr& link, size_t end, const Identity& peer) {
  SimEnd& here = link->ends[end];
  if (link->broken || here.process->receiver == nullptr) return;
  here.up = true;
  here.process->receiver->OnLinkUp(here.id, peer);
  if (link->broken) return;
  const auto latest = here.process->latest.find(here.id.sid);
  if (latest != here.process->latest.end()) {
    Put(link, end, &here.notifications, latest->second);
  }
}

// --- breaking them --------------------------------------------------------------

void SimNetwork::Wires::Break(const LinkPtr& link, const absl::Status& why,
                              std::optional<size_t> by) {
  if (link->broken) return;
  link->broken = true;
  for (size_t end : {0, 1}) {
    link->ends[end].control.clear();
    link->ends[end].notifications.clear();
    link->ends[end].zab.clear();
    const absl::Duration delay = by == end ? absl::ZeroDuration() : Delay();
    Later(delay, [this, link, end, why] { TellDown(link, end, why); });
  }
}

void SimNetwork::Wires::TellDown(const LinkPtr& link, size_t end, const absl::Status& why) {
  SimEnd& here = link->ends[end];
  const auto fetches = std::exchange(here.fetches, {});
  for (const std::shared_ptr<SimFetch>& fetch : fetches) {
    QuorumTransport::SnapshotSink sink = std::exchange(fetch->sink, nullptr);
    if (sink != nullptr && here.process->receiver != nullptr) sink(why, nullptr);
  }
  if (here.up && here.process->receiver != nullptr) {
    here.process->receiver->OnLinkDown(here.id, why);
  }
  here.over = true;
  if (!link->ends[1 - end].over) return;
  const Pair pair{link->ends[1].id.sid, link->ends[0].id.sid};
  links_.erase(pair);
  Dial(pair, options_.connect_delay);
}

void SimNetwork::Wires::BreakWhere(const std::function<bool(const Pair&)>& chosen,
                                   const absl::Status& why) {
  for (const auto& [pair, link] : links_) {
    if (chosen(pair)) Break(link, why);
  }
}

void SimNetwork::Wires::DropLink(const ProcessPtr& process, const LinkId& id) {
  size_t end = 0;
  const LinkPtr link = FindUp(process, id, &end);
  if (link != nullptr) Break(link, absl::CancelledError("dropped by one end"), end);
}

void SimNetwork::Wires::Disconnect(ServerId a, ServerId b) {
  const Pair chosen = PairOf(a, b);
  BreakWhere([&](const Pair& pair) { return pair == chosen; },
             absl::UnavailableError("the connection broke"));
}

void SimNetwork::Wires::Cut(ServerId a, ServerId b) {
  cuts_.insert(PairOf(a, b));
  Disconnect(a, b);
}

void SimNetwork::Wires::Partition(const std::set<ServerId>& side) {
  side_ = side;
  BreakWhere([this](const Pair& pair) { return IsCut(pair); },
             absl::UnavailableError("the network is cut"));
}

void SimNetwork::Wires::Heal() {
  cuts_.clear();
  side_.clear();
  stalled_.clear();
  for (const auto& [pair, link] : links_) {
    for (size_t from : {0, 1}) {
      Later(absl::ZeroDuration(), [this, link = link, from] { Deliver(link, from); });
    }
  }
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

// Queues `what` behind all others of its lane and sees to its delivery.
template <typename T>
void SimNetwork::Wires::Put(const LinkPtr& link, size_t from, std::deque<OnTheWay<T>>* lane,
                            T what) {
  absl::Duration arrives = scheduler_.now() + Delay();
  if (!lane->empty()) arrives = std::max(arrives, lane->back().arrives);
  lane->push_back({.arrives = arrives, .what = std::move(what)});
  Later(arrives - scheduler_.now(), [this, link, from] { Deliver(link, from); });
}

void SimNetwork::Wires::Send(const ProcessPtr& process, const LinkId& to, const Message& message) {
  size_t end = 0;
  const LinkPtr link = FindUp(process, to, &end);
  if (link == nullptr) return;
  SimEnd& here = link->ends[end];
  Put(link, end, LaneOf(message) == Lane::kControl ? &here.control : &here.zab, message);
  here.queued_bytes += SizeOf(message);
  if (here.queued_bytes > options_.outbound_bytes_max) {
    Break(link, absl::ResourceExhaustedError("the peer is too slow"), end);
  }
}

void SimNetwork::Wires::Notify(const ProcessPtr& process, ServerId to,
                               const Notification& notification) {
  process->latest[to] = notification;
  const LinkPtr link = FindLink(process->self.sid, to);
  if (process->receiver == nullptr || link == nullptr || link->broken) return;
  const size_t end = link->ends[0].process == process ? 0 : 1;
  SimEnd& here = link->ends[end];
  if (!here.up) return;
  // One slot: what has waited at the other end's door is superseded.
  std::erase_if(here.notifications,
                [&](const auto& waiting) { return waiting.arrives <= scheduler_.now(); });
  Put(link, end, &here.notifications, notification);
}

bool SimNetwork::Wires::MayRead(const SimLink& link, size_t from) const {
  const SimEnd& reader = link.ends[1 - from];
  return !link.broken && reader.up && reader.process->receiver != nullptr &&
         reader.held_bytes <= options_.inbound_bytes_max &&
         stalled_.count({reader.id.sid, link.ends[from].id.sid}) == 0;
}

void SimNetwork::Wires::Deliver(const LinkPtr& link, size_t from) {
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
    if (wires == nullptr || link == nullptr || link->broken) return;
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

// Gives the other end the first thing that has arrived, in the order of lanes.
bool SimNetwork::Wires::DeliverNext(const LinkPtr& link, size_t from) {
  SimEnd& sender = link->ends[from];
  SimEnd& reader = link->ends[1 - from];
  const auto arrived = [&](const auto& lane) {
    return !lane.empty() && lane.front().arrives <= scheduler_.now();
  };
  if (!arrived(sender.control) && arrived(sender.notifications)) {
    Notification newest;
    for (; arrived(sender.notifications); sender.notifications.pop_front()) {
      newest = sender.notifications.front().what;
    }
    reader.process->receiver->OnNotification(reader.id, newest);
    return true;
  }
  auto& lane = arrived(sender.control) ? sender.control : sender.zab;
  if (!arrived(lane)) return false;
  Message message = std::move(lane.front().what);
  lane.pop_front();
  const size_t bytes = SizeOf(message);
  sender.queued_bytes -= bytes;
  auto hold = std::make_shared<Held>(shared_from_this(), link, from, bytes);
  reader.process->receiver->OnMessage(reader.id, std::move(message), std::move(hold));
  return true;
}

// --- reading snapshots ------------------------------------------------------------

void SimNetwork::Wires::Fetch(const ProcessPtr& process, const LinkId& id,
                              const SnapshotRequest& request, QuorumTransport::SnapshotSink sink) {
  size_t end = 0;
  const LinkPtr link = FindUp(process, id, &end);
  if (link == nullptr) {
    Later(absl::ZeroDuration(), [process, sink = std::move(sink)]() mutable {
      if (process->receiver != nullptr) sink(absl::UnavailableError("the link is gone"), nullptr);
    });
    return;
  }
  auto fetch = std::make_shared<SimFetch>();
  fetch->next = request;
  fetch->sink = std::move(sink);
  link->ends[end].fetches.push_back(fetch);
  Ask(link, end, fetch);
}

void SimNetwork::Wires::Ask(const LinkPtr& link, size_t asker,
                            const std::shared_ptr<SimFetch>& fetch) {
  const auto reply = [weak = weak_from_this(), link, asker,
                      fetch](absl::StatusOr<SnapshotChunk> chunk) {
    const std::shared_ptr<Wires> wires = weak.lock();
    if (wires == nullptr) return;
    wires->Later(wires->Delay(),
                 [wires = wires.get(), link, asker, fetch, chunk = std::move(chunk)]() mutable {
                   wires->Answer(link, asker, fetch, std::move(chunk));
                 });
  };
  Later(Delay(), [link, asker, fetch, reply] {
    const SimEnd& source = link->ends[1 - asker];
    if (link->broken || !source.up || source.process->receiver == nullptr) return;
    source.process->receiver->OnSnapshotAsked(source.id, fetch->next, reply);
  });
}

void SimNetwork::Wires::Answer(const LinkPtr& link, size_t asker,
                               const std::shared_ptr<SimFetch>& fetch,
                               absl::StatusOr<SnapshotChunk> chunk) {
  SimEnd& here = link->ends[asker];
  if (link->broken || fetch->sink == nullptr || here.process->receiver == nullptr) return;
  if (chunk.ok() &&
      (chunk->offset != fetch->next.offset || (chunk->bytes.empty() && !chunk->last))) {
    chunk = absl::InternalError("the peer sent another piece than was asked for");
  }
  if (!chunk.ok() || chunk->last) {
    QuorumTransport::SnapshotSink sink = std::exchange(fetch->sink, nullptr);
    std::erase(here.fetches, fetch);
    sink(std::move(chunk), nullptr);
    return;
  }
  fetch->next.offset += chunk->bytes.size();
  // The last owner of this hold asks for the next piece.
  Hold hold(nullptr, [weak = weak_from_this(), link, asker, fetch](void*) {
    const std::shared_ptr<Wires> wires = weak.lock();
    if (wires != nullptr && fetch->sink != nullptr) wires->Ask(link, asker, fetch);
  });
  fetch->sink(std::move(chunk), std::move(hold));
}

}  // namespace v1
}  // namespace zkq::testing
