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
};

// A snapshot file being read through a link, piece by piece.
struct SimFetch {
  SnapshotRequest next = {};
  QuorumTransport::SnapshotSink sink = nullptr;  // null: ended
};

template <typename T>
struct OnTheWay {
  absl::Duration arrives = absl::ZeroDuration();
  T what = {};
};

// One end of a link: what it sends, and what it has been given.
struct SimEnd {
  std::shared_ptr<SimProcess> process = nullptr;
  LinkId id = {};     // as this end names the link
  bool up = false;    // its receiver was told so, and not yet that it is down
  bool over = false;  // nothing is left to tell it
  std::deque<OnTheWay<Message>> control = {};
  std::deque<OnTheWay<Notification>> notifications = {};
  std::deque<OnTheWay<Message>> zab = {};
  size_t queued_bytes = 0;  // sent and not yet delivered
  size_t held_bytes = 0;    // delivered here and still held
  std::vector<std::shared_ptr<SimFetch>> fetches = {};
};

struct SimLink {
  std::array<SimEnd, 2> ends = {};  // the dialler first
  bool broken = false;
};

class SimNetwork::Wires : public std::enable_shared_from_this<Wires> {
 public:
  using LinkPtr = std::shared_ptr<SimLink>;
  using ProcessPtr = std::shared_ptr<SimProcess>;

  Wires(SimScheduler* scheduler, const SimNetworkOptions& options)
      : scheduler_(*scheduler), options_(options) {}
  ~Wires();

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
  void Disconnect(ServerId a, ServerId b);
  void Cut(ServerId a, ServerId b);
  void Partition(const std::set<ServerId>& side);
  void Stall(ServerId from, ServerId to) { stalled_.insert({from, to}); }
  void Heal();

 private:
  using Pair = std::pair<ServerId, ServerId>;  // the dialler, which has the larger sid, first
  class Held;
  static Pair PairOf(ServerId a, ServerId b) { return {std::max(a, b), std::min(a, b)}; }

  absl::Duration Delay();
  // Runs `task` in its turn, unless the network is gone by then.
  template <typename Task>
  void Later(absl::Duration delay, Task task);

  // Making links.
  bool IsCut(const Pair& pair) const;
  bool Accepts(const SimProcess& dialler, const SimProcess& acceptor) const;
  void DialAll(const SimProcess& process);
  void Dial(const Pair& pair, absl::Duration delay);
  void Attempt(const Pair& pair);
  void Connect(const ProcessPtr& dialler, const ProcessPtr& acceptor);
  void TellUp(const LinkPtr& link, size_t end, const Identity& peer);

  // Breaking them. `by` knows at once, the other end when it has got about.
  void Break(const LinkPtr& link, const absl::Status& why, std::optional<size_t> by = {});
  void TellDown(const LinkPtr& link, size_t end, const absl::Status& why);
  void BreakWhere(const std::function<bool(const Pair&)>& chosen, const absl::Status& why);

  // Carrying messages. `from` is the end that sends.
  LinkPtr FindLink(ServerId a, ServerId b) const;
  // The link, if it is the one that `process` calls `id`, and up.
  LinkPtr FindUp(const ProcessPtr& process, const LinkId& id, size_t* end) const;
  template <typename T>
  void Put(const LinkPtr& link, size_t from, std::deque<OnTheWay<T>>* lane, T what);
  void Deliver(const LinkPtr& link, size_t from);
  bool DeliverNext(const LinkPtr& link, size_t from);
  bool MayRead(const SimLink& link, size_t from) const;

  // Reading snapshots. `asker` is the end that reads.
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
  std::set<Pair> stalled_;   // here: from, to
};

}  // namespace v1
}  // namespace zkq::testing
