// What a replica tells of itself: its status, and the events that say it has changed. Both
// are copies: they share nothing with the replica.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "zkq/types.h"

namespace zkq {
inline namespace v1 {

struct ReplicaStatus {
  ServerId id{};
  PeerState state = PeerState::kLooking;
  ZabPhase phase = ZabPhase::kElection;
  std::optional<ServerId> leader = {};  // established, as far as this replica knows
  Epoch epoch = 0;                      // the epoch it takes part in
  Zxid last_logged = {};                // durable here
  Zxid last_committed = {};             // known here to be; never below last_applied
  Zxid last_applied = {};               // by the state machine here
  Zxid last_snapshot = {};              // the newest that is durable here
  Membership membership = {};           // the committed one
  EnsembleId ensemble = {};             // none before founding
  std::string listen_address = {};      // with the port it got; as QuorumTransport tells it
  bool amnesic = false;                 // its disk is not listed under its id: no vote
  // The replica has ended for good: it takes no part and fails every call until it is started
  // anew; `health` says why. Probes and daemons should go by this.
  bool halted = false;
  size_t outstanding_bytes = 0;                             // of max_outstanding_bytes
  absl::Duration last_sync_latency = absl::ZeroDuration();  // of the newest fsync of the log
  // OK, or what a person must see to: why it has halted (the codes: zkq/replica.h), or
  // kFailedPrecondition while it is amnesic.
  absl::Status health = absl::OkStatus();
};

// One line, for a log or a status page; for people, so it may change:
//   server=2 state=following phase=broadcast leader=1 epoch=4 logged=4:17 committed=4:17
//   applied=4:16 snapshot=3:9 listen=127.0.0.1:7102 health=OK
// What is not known or none is left out; "amnesic" and "halted" stand before health if they are so.
ZKQ_EXPORT std::string ToString(const ReplicaStatus& status);

// At most one event of a kind waits to be delivered, with the newest status: a slow
// subscriber sees the newest of each kind, not every step between.
struct Event {
  enum class Kind {
    kRoleChanged,       // state, phase or amnesic
    kLeaderChanged,     // leader or epoch
    kHealthChanged,     // it has halted
    kSnapshotTaken,     // last_snapshot is durable
    kSnapshotInstalled  // one was fetched from a peer, and restored
  };
  Kind kind = Kind::kRoleChanged;
  ReplicaStatus status = {};
};

// Keeps events coming: they stop when it is destroyed or assigned to, which waits for an
// event call that runs, unless it happens inside of one. May outlive the replica. One thread
// at a time.
class ZKQ_EXPORT Subscription {
 public:
  class Impl;
  Subscription() = default;
  explicit Subscription(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  Subscription(Subscription&&) noexcept = default;
  Subscription& operator=(Subscription&&) noexcept;
  ~Subscription();

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace zkq
