// SimNetwork: QuorumTransports between simulated processes, in virtual time, with
// the promises of zkq/quorum_transport.h and the faults of a real network.
//
// Processes are known by the sid they start with; addresses are not looked at.
// Every call to a receiver is a task of the scheduler. Threads: the scheduler's.
#pragma once

#include <functional>
#include <memory>
#include <set>

#include "zkq/quorum_transport.h"
#include "zkq/testing/sim.h"

namespace zkq::testing {
inline namespace v1 {

struct SimNetworkOptions {
  absl::Duration connect_delay = absl::Milliseconds(1);
  absl::Duration redial_delay = absl::Milliseconds(50);
  // Of one message: drawn between the two, without changing the order of a lane.
  absl::Duration delay_min = absl::Microseconds(100);
  absl::Duration delay_max = absl::Microseconds(400);
  // As in GrpcTransportOptions. What is on its way counts as queued.
  size_t outbound_bytes_max = 64 << 20;
  size_t inbound_bytes_max = 16 << 20;
};

// What passes by on a network: for checkers, traces and counts. Called in tasks of
// the scheduler at the instant it happens; calls nothing back.
class ZKQ_EXPORT SimNetworkObserver {
 public:
  // One direction of one link.
  struct Route {
    ServerId from{}, to{};
    uint64_t from_boot = 0, to_boot = 0;  // the process lives at its ends
    uint64_t link = 0;                    // the dialler's count, as in LinkId::seq
  };
  // One of the three.
  struct Carried {
    const Message* message = nullptr;
    const Notification* notification = nullptr;
    const SnapshotChunk* piece = nullptr;  // of a snapshot
  };
  enum class Loss { kLinkBroke, kSenderCrashed, kReceiverCrashed };

  virtual ~SimNetworkObserver() = default;
  // Once for each link a message is put on. Of a notification that is superseded on its
  // way nothing more is told.
  virtual void OnSent(const Route&, const Carried&) {}
  virtual void OnDelivered(const Route&, const Carried&) {}
  virtual void OnLost(const Route&, const Carried&, Loss) {}
  // Something of another lane that was sent later on the same link has come first.
  virtual void OnOvertaken(const Route&, const Carried&) {}
  // It comes only now, after more than four times the longest usual delay.
  virtual void OnDelayed(const Route&, const Carried&) {}
  virtual void OnLinkUp(const Route&) {}    // `to` is told
  virtual void OnLinkDown(const Route&) {}  // `to` is told
};

class ZKQ_EXPORT SimNetwork {
 public:
  explicit SimNetwork(SimScheduler* scheduler, const SimNetworkOptions& options = {});
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  const SimNetworkOptions& options() const { return options_; }

  // A transport for one process. Start is kUnavailable while a process of the
  // same sid runs.
  std::unique_ptr<QuorumTransport> NewTransport();

  // Replaces the observer before, if any; null removes it. It must live until then.
  void Observe(SimNetworkObserver* observer);

  // A link that breaks loses some of the last messages on their way: how many is drawn
  // for each direction and lane. The others arrive before the news of the link's end.

  // The process is dead: it hears nothing any more, its peers lose their links.
  void Crash(ServerId sid);
  // The process sends `sends` more messages and then none: it has died between two of
  // them. Its owner is told inside the task that sent the last one, and has to Crash it.
  // 0: it is silent at once, and the owner is not told.
  void KillAfterSends(ServerId sid, uint64_t sends);
  void OnKilled(std::function<void(ServerId)> owner);

  // The link breaks; a new one may be made at once. False: there is none.
  bool Disconnect(ServerId a, ServerId b);
  // A second link is accepted while the first is up, and takes its place: each end
  // hears of it in its own time. False: there is none.
  bool Replace(ServerId a, ServerId b);
  // There is no link between the two until Mend or Heal.
  void Cut(ServerId a, ServerId b);
  // No link between these and the others until Heal, or the next Partition; an empty
  // `side` ends it.
  void Partition(const std::set<ServerId>& side);
  // What `from` sends to `to` waits on its way until Mend or Heal; neither end notices.
  void Stall(ServerId from, ServerId to);
  // What `from` sends to `to` vanishes until Mend or Heal; neither end notices. A link
  // that has lost something carries nothing more that way: Mend and Heal break it.
  void Lose(ServerId from, ServerId to);
  // Delays between `from` and `to`, this way only, until Mend or Heal. A `max` below
  // `min` counts as `min`.
  void SetDelay(ServerId from, ServerId to, absl::Duration min, absl::Duration max);
  // Delays between all pairs that have none of their own, until Heal.
  void SetDelay(absl::Duration min, absl::Duration max);
  // The process reads nothing until told otherwise, or until Heal.
  void SetReading(ServerId sid, bool reads);
  // The process is stopped, as by SIGSTOP: it makes no link. What it has received waits
  // in its executors, which its owner has to pause.
  void SetPaused(ServerId sid, bool paused);
  // Ends every Cut, Stall, Lose and delay between the two, both ways.
  void Mend(ServerId a, ServerId b);
  // Ends every Cut, Partition, Stall, Lose, delay and pause of reading.
  void Heal();

  class Wires;  // what all its transports share

 private:
  const SimNetworkOptions options_;
  const std::shared_ptr<Wires> wires_;
};

}  // namespace v1
}  // namespace zkq::testing
