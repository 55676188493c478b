// SimNetwork: QuorumTransports between simulated processes, in virtual time, with
// the promises of zkq/quorum_transport.h and the faults of a real network.
//
// The links are those of every zkq (lib/link): the network carries their bytes, in
// connections that behave as TCP does. Processes are known by the place they run at, which is the
// sid they start with unless NewTransport says another; who dials a sid comes to the place that its
// name points at. Addresses are not looked at. Questions are local that come from the process
// itself or from a tool (sid 0). Threads: the scheduler's.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <set>

#include "zkq/log.h"
#include "zkq/quorum_transport.h"
#include "zkq/testing/sim.h"

namespace zkq::testing {
inline namespace v1 {

// Where a second process of that server is: its twin, with a disk of its own. Ids in simulations
// are below a million.
ZKQ_EXPORT ServerId TwinOf(ServerId sid);
ZKQ_EXPORT bool IsTwin(ServerId place);
// The id that the process at this place runs under.
ZKQ_EXPORT ServerId SeatOf(ServerId place);

struct SimNetworkOptions {
  // Of one packet: drawn between the two, without changing the order of a connection.
  absl::Duration delay_min = absl::Microseconds(100);
  absl::Duration delay_max = absl::Microseconds(400);
  // As in GrpcTransportOptions.
  size_t outbound_bytes_max = 64 << 20;
  size_t inbound_bytes_max = 16 << 20;
  // What the kernels and the RPC at both ends of a connection buffer.
  size_t socket_bytes = 1 << 20;
};

struct SimDelay {
  absl::Duration min = absl::ZeroDuration();
  absl::Duration max = absl::ZeroDuration();
  friend bool operator==(const SimDelay&, const SimDelay&) = default;
};

// One way from a process to another, and all that can be wrong with it. Neither end is
// told of any of it.
struct SimPath {
  std::optional<SimDelay> delay = {};  // none: the usual one
  // What is sent waits on its way, and comes when that is over.
  bool stalled = false;
  // What is sent vanishes. TCP sends it again: after the end of it, but only when the next
  // retry is due, which comes later and later: after 0.2 s, then twice that, 120 s at most.
  bool silent = false;
  // Larger packets vanish; a message may take several, of at most 256 KiB.
  size_t largest = std::numeric_limits<size_t>::max();
  uint64_t bytes_per_second = 0;  // 0: no limit
  uint64_t flips_one_in = 0;      // of so many packets a bit of one is changed; 0: none
  bool resets = false;            // each new connection is reset during its handshake
  friend bool operator==(const SimPath&, const SimPath&) = default;
};

// What passes by on a network: for checkers, traces and counts. Called in tasks of
// the scheduler at the instant it happens; calls nothing back.
class ZKQ_EXPORT SimNetworkObserver {
 public:
  // One direction of one link, from place to place.
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

  // A transport for one process, at `place`; kNoServer: at its sid. Start is kUnavailable while a
  // process runs there. `log_sink` gets what its links say; null: nobody.
  std::unique_ptr<QuorumTransport> NewTransport(std::shared_ptr<LogSink> log_sink = nullptr,
                                                ServerId place = kNoServer);

  // Replaces the observer before, if any; null removes it. It must live until then.
  void Observe(SimNetworkObserver* observer);

  // --- processes: each by its place -----------------------------------------------
  // The process is dead: it hears nothing any more, and its kernel tells its peers, as far
  // as the network lets it.
  void Crash(ServerId sid);
  // The process sends `sends` more messages and then none: it has died between two of
  // them. Its owner is told inside the task that sent the last one, and has to Crash it.
  // 0: it is silent at once, and the owner is not told.
  void KillAfterSends(ServerId sid, uint64_t sends);
  void OnKilled(std::function<void(ServerId)> owner);
  // The process is stopped, as by SIGSTOP: its kernel takes what comes. What has been told to
  // it waits in its executors, which its owner has to pause.
  void SetPaused(ServerId sid, bool paused);
  // The process reads nothing until told otherwise, or until Heal.
  void SetReading(ServerId sid, bool reads);
  // Its kernel takes new connections, and it never says a word on them until told
  // otherwise, or until Heal.
  void SetAnswering(ServerId sid, bool answers);
  // It has another address from now on, under the name it had: what its connections
  // carried is lost for ever, and nobody is told.
  void Move(ServerId sid);
  // Who dials `sid` from now on comes to the process at `place`; first to that at the place `sid`.
  void PointName(ServerId sid, ServerId place);

  // --- connections --------------------------------------------------------------
  // How often anything was done so far, other than SetDelay, that may break or silence one, or
  // end its silence.
  uint64_t changes() const;
  // What the links of this process have done so far; nothing, if there is no process.
  LinkCounters counters(ServerId sid) const;

  // What is on its way on a connection that breaks: the last of it is lost, how much is
  // drawn for each direction. The rest arrives before the news.

  // The connections between the two break, and both ends are told; new ones may be made at
  // once. False: there is none.
  bool Disconnect(ServerId a, ServerId b);
  // They break, and `told` alone is told; what the other one sends is lost for ever. False:
  // there is none.
  bool HalfOpen(ServerId told, ServerId other);
  // Broken, and none is made between the two until Mend or Heal: a server that tries is told.
  void Cut(ServerId a, ServerId b);
  // None between these and the others until Heal, or the next Partition; an empty `side`
  // ends it.
  void Partition(const std::set<ServerId>& side);

  // --- what lies between ----------------------------------------------------------
  SimPath path(ServerId from, ServerId to) const;
  void SetPath(ServerId from, ServerId to, const SimPath& path);
  // The longest that a packet takes there and back now; infinite if anything but delay is
  // wrong with one of the two paths, or a process at their ends does not read or answer.
  absl::Duration round_trip(ServerId a, ServerId b) const;
  // Delays where a path has none of its own, until Heal.
  void SetDelay(absl::Duration min, absl::Duration max);
  // The paths between the two, both ways, are as usual again, and a Cut is over.
  // Connections stay what they are: what has gone silent speaks when TCP does.
  void Mend(ServerId a, ServerId b);
  // So is everything, but for processes that are paused.
  void Heal();

  class Wires;  // what all its transports share

 private:
  const SimNetworkOptions options_;
  const std::shared_ptr<Wires> wires_;
};

}  // namespace v1
}  // namespace zkq::testing
