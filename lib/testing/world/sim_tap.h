// SimTap: tells an observer what transports carry, by what passes their seam alone: what
// goes into Send and Notify at one end, and what the receiver at the other end is given. It
// would do so for any transport.
//
// What is sent is remembered by link and lane until it comes out at the other end, or
// can come no more.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

#include "lib/testing/world/sim_paths.h"
#include "lib/testing/world/sim_process.h"
#include "zkq/testing/sim_network.h"

namespace zkq::testing {

class SimTap {
 public:
  using Route = SimNetworkObserver::Route;
  using Carried = SimNetworkObserver::Carried;
  using Loss = SimNetworkObserver::Loss;

  // `paths` must live as long as there is an observer.
  SimTap(const SimScheduler* scheduler, const SimPaths* paths)
      : scheduler_(*scheduler), paths_(*paths) {}

  void Observe(SimNetworkObserver* observer) { observer_ = observer; }

  // `self` is the process that speaks, or is told.
  void Sent(const SimProcess& self, const LinkId& to, const Message& message);
  void Sent(const SimProcess& self, const LinkId& to, const Notification& notification);
  void Sent(const SimProcess& self, const LinkId& to, const SnapshotChunk& piece);
  void Delivered(const SimProcess& self, const LinkId& from, const Message& message);
  void Delivered(const SimProcess& self, const LinkId& from, const Notification& notification);
  void Delivered(const SimProcess& self, const LinkId& from, const SnapshotChunk& piece);
  void Up(const SimProcess& self, const LinkId& link);
  void Down(const SimProcess& self, const LinkId& link);
  void Began(const SimProcess& self);
  void Crashed(const SimProcess& self);

 private:
  template <typename T>
  struct Sending {
    T what = {};
    absl::Duration at = absl::ZeroDuration();
    uint64_t order = 0;  // of all that was sent on the link
    bool overtaken = false;
  };
  template <typename T>
  using Queue = std::deque<Sending<T>>;
  struct Way {
    uint64_t sent = 0;
    Queue<Message> control = {}, zab = {};
    Queue<Notification> notifications = {};
    Queue<SnapshotChunk> pieces = {};
  };
  // Receiver, sender, and the link, by process lives: the links of a pair lie together.
  using Key = std::tuple<ServerId, ServerId, uint64_t, uint64_t, uint64_t>;

  Route To(const SimProcess& self, const LinkId& to) const;
  Route From(const SimProcess& self, const LinkId& from) const;
  ServerId PlaceOf(const LinkId& peer) const;
  static Key KeyOf(const Route& route);
  Way& WayOf(const Route& route) { return ways_[KeyOf(route)]; }
  template <typename T>
  void Put(const Route& route, Queue<T>* queue, const T& what, uint64_t order);
  template <typename T>
  void Take(const Route& route, Way* way, Queue<T>* queue, size_t at, const Carried& carried);
  template <typename T>
  void NoteOvertaken(const Route& route, uint64_t order, Queue<T>* queue);
  template <typename T>
  void Lose(const Route& route, const Queue<T>& queue, Loss why);
  void LoseAll(std::map<Key, Way>::iterator way, Loss why);

  const SimScheduler& scheduler_;
  const SimPaths& paths_;
  SimNetworkObserver* observer_ = nullptr;
  std::map<Key, Way> ways_;
  std::set<std::pair<ServerId, uint64_t>> crashed_;  // process lives, by place
  // Of the processes that are elsewhere than at their sid, by sid and boot.
  std::map<std::pair<ServerId, uint64_t>, ServerId> places_;
};

// Stands before the receiver of one process.
class TappedReceiver final : public QuorumTransport::Receiver {
 public:
  TappedReceiver(std::shared_ptr<SimTap> tap, SimProcessPtr process)
      : tap_(std::move(tap)), process_(std::move(process)) {}

  void Hear(QuorumTransport::Receiver* receiver) { receiver_ = receiver; }
  // The link to that server that is up, if there is one.
  const LinkId* link(ServerId sid) const;

  void OnLinkUp(const LinkId& link, const Identity& peer) override;
  void OnIntroduced(const LinkId& link, const Identity& peer) override;
  void OnMessage(const LinkId& link, Message message, Hold hold) override;
  void OnPart(const LinkId& link, size_t bytes) override;
  void OnNotification(const LinkId& link, const Notification& notification) override;
  void OnLinkDown(const LinkId& link, const absl::Status& why) override;
  void OnSnapshotAsked(const LinkId& link, const SnapshotRequest& request,
                       absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&> reply) override;
  void OnAsked(const Asker& asker, Question question, absl::Duration time_left,
               QuorumTransport::Answer reply) override;

 private:
  const std::shared_ptr<SimTap> tap_;
  const SimProcessPtr process_;
  QuorumTransport::Receiver* receiver_ = nullptr;
  std::map<ServerId, LinkId> up_;
};

}  // namespace zkq::testing
