// StatusBoard: what Status() tells, kept up to date by the strands. A copy under
// a small mutex, so that asking never waits for a strand.
//
// Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "lib/core/peer.h"
#include "zkq/replica_status.h"

namespace zkq::runtime {

class StatusBoard {
 public:
  explicit StatusBoard(ServerId self) { status_.id = self; }

  // What differs from before, in what events speak of.
  struct Change {
    bool role = false;
    bool leader = false;
  };
  // `heard`: when the leader was last heard, by the monotonic clock.
  Change SetView(const core::Peer::View& view, absl::Duration heard);
  void SetApplied(Zxid applied) { Set(&status_.last_applied, applied); }
  void SetMembership(const Membership& membership) { Set(&status_.membership, membership); }
  void SetSnapshot(Zxid snapshot);
  void SetSyncLatency(absl::Duration latency) { Set(&status_.last_sync_latency, latency); }
  void SetListenAddress(std::string address) { Set(&status_.listen_address, std::move(address)); }
  // The replica no longer takes part, and nothing is wrong.
  Change Leave();
  // Records what the replica halted for. None: it has halted before.
  std::optional<Change> SetHealth(absl::StatusCode code, std::string why);

  // All but outstanding_bytes.
  ReplicaStatus Get() const;
  std::optional<ServerId> leader() const { return Get(status_.leader); }
  // Synchronised with an established leader.
  bool has_leader() const;
  // What the replica halted for.
  struct Ending {
    absl::StatusCode code = absl::StatusCode::kOk;  // it did not
    std::string why = {};
  };
  Ending ending() const { return Get(ending_); }
  absl::Duration heard() const { return Get(heard_); }
  Zxid pinned_after() const { return Get(pinned_after_); }

 private:
  template <typename T>
  void Set(T* field, T value) {
    std::lock_guard lock(mutex_);
    *field = std::move(value);
  }
  template <typename T>
  T Get(const T& field) const {
    std::lock_guard lock(mutex_);
    return field;
  }
  Change LeaveLocked();

  mutable std::mutex mutex_;
  ReplicaStatus status_;  // `health` stays OK: statuses are made anew for each reader
  Ending ending_;
  absl::Duration heard_ = -absl::InfiniteDuration();
  Zxid pinned_after_ = {};
};

}  // namespace zkq::runtime
