// The inside of SimNetwork: processes, the links between them, and what is on its
// way. Everything happens in tasks of the scheduler, so a receiver may call back
// into its transport without meeting itself.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "zkq/testing/sim_network.h"

namespace zkq::testing {
inline namespace v1 {

// One started transport.
struct SimProcess {
  Identity self = {};
  QuorumTransport::Receiver* receiver = nullptr;  // null: shut down or crashed
  std::set<ServerId> members = {};
  std::map<ServerId, Notification> latest = {};  // for each peer, for its next link
  uint64_t links_dialled = 0;
  std::optional<uint64_t> sends_left = {};  // until it dies; 0: it has

  bool paused = false;

  bool dead() const { return sends_left == 0; }
};

// A snapshot file being read through a link, piece by piece.
struct SimFetch {
  SnapshotRequest next = {};
  QuorumTransport::SnapshotSink sink = nullptr;  // null: ended
};

template <typename T>
struct OnTheWay {
  absl::Duration sent = absl::ZeroDuration();
  absl::Duration arrives = absl::ZeroDuration();
  uint64_t order = 0;  // of all that this end has sent on the link
  bool overtaken = false;
  T what = {};
};
template <typename T>
using SimLane = std::deque<OnTheWay<T>>;

// One end of a link: what it sends, and what it has been given.
struct SimEnd {
  std::shared_ptr<SimProcess> process = nullptr;
  LinkId id = {};     // as this end names the link
  bool up = false;    // its receiver was told so, and not yet that it is down
  bool over = false;  // nothing is left to tell it
  absl::Duration down_at = absl::ZeroDuration();  // when it hears that the link broke
  bool lossy = false;                             // what it sends is lost from here on
  // What this end has become, on its way; nothing that is said later comes earlier.
  std::deque<std::pair<absl::Duration, Identity>> introductions = {};
  absl::Duration introduced_at = absl::ZeroDuration();
  uint64_t sent = 0;
  uint64_t delivered = 0;              // the newest, by order
  SimNetworkObserver::Loss loss = {};  // of what is on its way when the link is broken
  SimLane<Message> control = {};
  SimLane<Notification> notifications = {};
  SimLane<Message> zab = {};
  size_t queued_bytes = 0;  // sent and not yet delivered
  size_t held_bytes = 0;    // delivered here and still held
  std::vector<std::shared_ptr<SimFetch>> fetches = {};
};

struct SimLink {
  std::array<SimEnd, 2> ends = {};  // the dialler first
  bool broken = false;              // nothing more is sent; what is on its way may arrive
};

class SimNetwork::Wires : public std::enable_shared_from_this<Wires> {
 public:
  using LinkPtr = std::shared_ptr<SimLink>;
  using ProcessPtr = std::shared_ptr<SimProcess>;

  Wires(SimScheduler* scheduler, const SimNetworkOptions& options)
      : scheduler_(*scheduler), options_(options), delay_(Healthy()) {}
  ~Wires();

  using Pair = std::pair<ServerId, ServerId>;
  struct Range {
    absl::Duration min, max;
  };

  // --- what transports ask for ------------------------------------------------
  absl::Status Start(const ProcessPtr& process);
  void Stop(const ProcessPtr& process);
  void SetIdentity(const ProcessPtr& process, const Identity& self);
  void SetMembers(const ProcessPtr& process, std::set<ServerId> members);
  void Send(const ProcessPtr& process, const LinkId& to, const Message& message);
  void Notify(const ProcessPtr& process, ServerId to, const Notification& notification);
  void DropLink(const ProcessPtr& process, const LinkId& id);
  void Fetch(const ProcessPtr& process, const LinkId& id, const SnapshotRequest& request,
             QuorumTransport::SnapshotSink sink);

  // --- what tests do to them --------------------------------------------------
  void Crash(ServerId sid);
  bool Disconnect(ServerId a, ServerId b);
  void Cut(ServerId a, ServerId b);
  void Partition(const std::set<ServerId>& side);
  void Stall(ServerId from, ServerId to) { stalled_.insert({from, to}); }
  void Lose(ServerId from, ServerId to) { lost_.insert({from, to}); }
  void SetDelay(const Pair& way, const Range& delay) { delays_[way] = delay; }
  void SetDelay(const Range& delay) { delay_ = delay; }
  void SetReading(ServerId sid, bool reads);
  void SetPaused(ServerId sid, bool paused);
  void Mend(ServerId a, ServerId b);
  void Heal();
  bool Replace(ServerId a, ServerId b);
  void KillAfterSends(ServerId sid, uint64_t sends);
  void OnKilled(std::function<void(ServerId)> owner) { on_killed_ = std::move(owner); }
  void Observe(SimNetworkObserver* observer) { observer_ = observer; }

 private:
  using Loss = SimNetworkObserver::Loss;
  class Held;
  // Of a link: the dialler, which has the larger sid, first.
  static Pair PairOf(ServerId a, ServerId b) { return {std::max(a, b), std::min(a, b)}; }

  Range Healthy() const {
    return {options_.delay_min, std::max(options_.delay_min, options_.delay_max)};
  }
  absl::Duration Delay(const Range& range);
  absl::Duration Delay() { return Delay(delay_); }
  absl::Duration Delay(const SimLink& link, size_t from);
  // Runs `task` in its turn, unless the network is gone by then.
  template <typename Task>
  void Later(absl::Duration delay, Task task);

  // Making links.
  bool IsCut(const Pair& pair) const;
  // `peer` may be linked to `here`.
  bool Belongs(const Identity& peer, const SimProcess& here) const;
  void DialAll(const SimProcess& process);
  void Dial(const Pair& pair, absl::Duration delay);
  void Attempt(const Pair& pair);
  void Connect(const ProcessPtr& dialler, const ProcessPtr& acceptor);
  LinkPtr Link(const ProcessPtr& dialler, const ProcessPtr& acceptor);
  void TellUp(const LinkPtr& link, size_t end, const Identity& peer);
  void TellIntroduced(const LinkPtr& link, size_t end, const Identity& peer);

  // Breaking them. `by` hears nothing more and knows at once, the other end when it
  // has got about; what is lost is lost by `loss`.
  struct Breaking {
    absl::Status why;
    std::optional<size_t> by = {};
    bool crash = false;  // of `by`
  };
  void Break(const LinkPtr& link, const Breaking& breaking);
  void CutShort(const LinkPtr& link, size_t from, const Breaking& breaking);
  template <typename T>
  absl::Duration CutShort(const SimLink& link, size_t from, SimLane<T>* lane, bool all, Loss loss);
  void LoseRest(const LinkPtr& link, size_t from, Loss loss);
  void TellDown(const LinkPtr& link, size_t end, const absl::Status& why);
  void BreakWhere(const std::function<bool(const Pair&)>& chosen, const absl::Status& why);

  // Carrying messages. `from` is the end that sends.
  LinkPtr FindLink(ServerId a, ServerId b) const;
  // The link, if it is the one that `process` calls `id`, and up.
  LinkPtr FindUp(const ProcessPtr& process, const LinkId& id, size_t* end) const;
  template <typename T>
  bool Put(const LinkPtr& link, size_t from, SimLane<T>* lane, T what);
  bool Loses(const LinkPtr& link, size_t from);
  void AfterSaying(SimProcess* process);
  void Deliver(const LinkPtr& link, size_t from);
  void BreakLossy(const std::function<bool(const Pair&)>& chosen);
  void DeliverAll();
  bool DeliverNext(const LinkPtr& link, size_t from);
  bool DeliverNotification(const LinkPtr& link, size_t from);
  template <typename T>
  void NotePassed(const SimLink& link, size_t from, const OnTheWay<T>& passed);
  template <typename T>
  void NoteOvertaken(const SimLink& link, size_t from, uint64_t order, SimLane<T>* lane);
  SimNetworkObserver::Route RouteOf(const SimLink& link, size_t from) const;
  bool MayRead(const SimLink& link, size_t from) const;

  // Reading snapshots. `asker` is the end that reads.
  void Carry(const LinkPtr& link, size_t from, absl::AnyInvocable<void()> arrive);
  void Arrive(const LinkPtr& link, size_t from, absl::AnyInvocable<void()> arrive);
  using Piece = OnTheWay<absl::StatusOr<SnapshotChunk>>;
  void CarryPiece(const LinkPtr& link, size_t asker, const std::shared_ptr<SimFetch>& fetch,
                  absl::StatusOr<SnapshotChunk> chunk);
  void ArrivePiece(const LinkPtr& link, size_t asker, const std::shared_ptr<SimFetch>& fetch,
                   Piece piece);
  void Ask(const LinkPtr& link, size_t asker, const std::shared_ptr<SimFetch>& fetch);
  void Answer(const LinkPtr& link, size_t asker, const std::shared_ptr<SimFetch>& fetch,
              absl::StatusOr<SnapshotChunk> chunk);

  SimScheduler& scheduler_;
  const SimNetworkOptions options_;
  std::map<ServerId, ProcessPtr> processes_;  // those that run
  std::map<Pair, LinkPtr> links_;             // until both ends know that it is down
  std::set<Pair> dialling_;
  std::set<Pair> cuts_;
  std::set<ServerId> side_;  // of the partition
  // Here: from, to.
  std::set<Pair> stalled_;
  std::set<Pair> lost_;
  std::map<Pair, Range> delays_;
  std::set<ServerId> not_reading_;
  Range delay_;
  std::function<void(ServerId)> on_killed_;
  SimNetworkObserver* observer_ = nullptr;
};

template <typename Task>
void SimNetwork::Wires::Later(absl::Duration delay, Task task) {
  scheduler_.After(delay, [weak = weak_from_this(), task = std::move(task)]() mutable {
    if (const std::shared_ptr<Wires> alive = weak.lock()) task();
  });
}

}  // namespace v1
}  // namespace zkq::testing
