// What a replica tells of itself: its status, and the events that say it has changed.
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
  Zxid last_committed = {};
  Zxid last_applied = {};
  Zxid last_snapshot = {};
  Membership membership = {};
  EnsembleId ensemble = {};         // none before founding
  std::string listen_address = {};  // with the port it got; as QuorumTransport tells it
  bool amnesic = false;             // does not vote; needs re-admission
  // The replica is done for: it takes no part and fails every call until it is started
  // anew; `health` says why. The sign for probes and daemons to go by.
  bool halted = false;
  size_t outstanding_bytes = 0;
  absl::Duration last_sync_latency = absl::ZeroDuration();
  absl::Status health = absl::OkStatus();  // OK; else what a person must see to
};

// At most one event of a kind waits to be delivered, with the newest status: a slow
// subscriber sees the newest of each kind, not every step between.
struct Event {
  enum class Kind {
    kRoleChanged,
    kLeaderChanged,
    kHealthChanged,
    kSnapshotTaken,
    kSnapshotInstalled
  };
  Kind kind = Kind::kRoleChanged;
  ReplicaStatus status = {};
};

// Events stop when it is destroyed; unless destroyed inside an event call, it
// waits for a running one. May outlive the replica.
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
