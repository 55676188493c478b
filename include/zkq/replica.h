// Replica: this process's member of an ensemble.
//
//   auto replica = zkq::Replica::Start({.id = zkq::ServerId{1},
//                                       .members = members,
//                                       .data_dir = "/var/lib/app",
//                                       .state_machine = std::make_unique<App>()});
//   auto reply = (*replica)->Propose("x=1");   // committed, and applied here
//
// Threads. Every method may be called from any thread. Callbacks and events run
// one at a time on the replica's callback strand, never inside the call that
// asked for them; StateMachine calls run one at a time on the apply strand. Both
// may take their time: neither can delay a heartbeat. A blocking form, or
// Shutdown, called inside a callback or a StateMachine call returns
// kFailedPrecondition instead of waiting for itself.
//
// Errors. GetErrorInfo(status).outcome says of each failed call whether it may
// have happened:
//   kUnavailable         no leader                              not committed
//   kResourceExhausted   over max_outstanding_bytes             not committed
//   kAborted             not in the next epoch's history        not committed
//   kDeadlineExceeded    timeout; not committed if never sent,  else unknown
//   kCancelled           Shutdown; not committed if never sent, else unknown
//   kInvalidArgument     command too large, bad options         not committed
//   kFailedPrecondition  wrong thread, shut down, no state machine   not committed
//   kUnknown             a snapshot replaced what would tell    unknown
//   kDataLoss            this replica has halted                unknown if sent
// A call whose leader is lost waits for the next established epoch, which
// decides it. Nothing is retried behind the caller's back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "zkq/election.h"
#include "zkq/env.h"
#include "zkq/quorum_transport.h"
#include "zkq/state_machine.h"
#include "zkq/status.h"
#include "zkq/types.h"

namespace zkq::runtime {
struct TunedStart;  // zkq's own
}

namespace zkq {
inline namespace v1 {

// "1=host:port,2=[::1]:port,3=host:port:observer": each id from 1 to 2^63-1 and once.
// Host and port are what other servers dial: no wildcard, no port 0. Options follow
// the port: observer, weight=N, group=N. The error names the part of the list that
// cannot be read, and why. ToString(Member) writes one part.
ZKQ_EXPORT absl::StatusOr<std::vector<Member>> ParseMembers(std::string_view spec);

struct ReplicaOptions {
  ServerId id{};
  std::vector<Member> members = {};  // the whole ensemble, this server included
  std::string listen_address = {};   // default: this server's address in `members`
  std::string data_dir = {};         // made if it is not there; held exclusively
  std::unique_ptr<StateMachine> state_machine = nullptr;  // none: only elects

  absl::Duration tick = absl::Milliseconds(100);
  int init_limit = 20;  // ticks without progress until a synchronisation is given up
  int sync_limit = 10;  // ticks of silence until a peer is given up
  absl::Duration finalize_wait = absl::Milliseconds(50);

  size_t max_command_bytes = 1 << 20;              // at most 64 MiB
  size_t max_outstanding_bytes = 64 << 20;         // of own calls that are not answered yet
  uint64_t snapshot_every_transactions = 100'000;  // 0: never by itself
  int retain_snapshots = 3;
  uint64_t log_segment_bytes = 64 << 20;  // of one log file, about
  // The newest transactions are kept in memory, up to so many bytes in each of two
  // places: older ones are read from the log when a slow peer or StateMachine needs them.
  size_t window_bytes = 64 << 20;

  // Parts. Null means the shipped one.
  std::unique_ptr<QuorumTransport> transport = nullptr;
  std::unique_ptr<Election> election = nullptr;
  std::shared_ptr<LogSink> log_sink = nullptr;  // null: silent
  Env env = {};
};

struct CallOptions {
  absl::Duration timeout = absl::Seconds(5);
};

enum class Consistency {
  kLinearizable,  // reflects every write that completed before the call
  kSequential,    // reflects at least ReadOptions::at_least
  kLocal,         // whatever this replica has applied
};

struct ReadOptions {
  absl::Duration timeout = absl::Seconds(5);
  Consistency consistency = Consistency::kLinearizable;
  Zxid at_least = {};  // for kSequential
  // For kLocal: since the leader was last heard, in this life. A replica that is still
  // catching up hears its leader too.
  absl::Duration max_staleness = absl::InfiniteDuration();
};

struct Reply {
  Zxid zxid = {};     // of the write, or the state that was read
  std::string value;  // what Apply or Query returned
};

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
  EnsembleId ensemble = {};  // none before founding
  bool amnesic = false;      // does not vote; needs re-admission
  size_t outstanding_bytes = 0;
  absl::Duration last_sync_latency = absl::ZeroDuration();
  absl::Status health = absl::OkStatus();  // why it halted or does not take part
};

// At most one event of a kind waits to be delivered, with the newest status: who
// is slow sees the newest of each kind, not every step between.
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

class ZKQ_EXPORT Replica final {
 public:
  template <typename T>
  using Callback = absl::AnyInvocable<void(absl::StatusOr<T>) &&>;

  // Recovers what `data_dir` holds, begins to listen, and returns: election and
  // catching up go on by themselves. Errors name the option and the value:
  //   kInvalidArgument     unusable options
  //   kFailedPrecondition  data_dir is in use, or belongs to another server or
  //                        ensemble, or was written by a newer zkq
  //   kPermissionDenied    data_dir or the address may not be used
  //   kUnavailable         address in use
  //   kResourceExhausted   disk full
  //   kDataLoss            the log is damaged: names file and offset
  static absl::StatusOr<std::unique_ptr<Replica>> Start(ReplicaOptions options);

  // No other method may be running. Shutdown(5 s), then lets go: a StateMachine call that never
  // ends keeps what it uses alive, nothing else waits for it.
  ~Replica();

  // Replicates `command`. `done` gets Apply's reply once a quorum has it durably
  // and it is applied here. Any member takes calls; they reach the leader in the
  // order they were made here.
  void Propose(std::string command, const CallOptions& options, Callback<Reply> done);
  absl::StatusOr<Reply> Propose(std::string command, const CallOptions& options = {});

  // Answers `request` by StateMachine::Query. Linearizable unless told otherwise,
  // on any member, without relying on clocks.
  void Read(std::string request, const ReadOptions& options, Callback<Reply> done);
  absl::StatusOr<Reply> Read(std::string request, const ReadOptions& options = {});

  // Writes a snapshot of what is applied; yields its zxid once it is durable.
  void TakeSnapshot(Callback<Zxid> done);

  // OK once a leader is established and this replica is synchronised with it.
  absl::Status WaitForLeader(absl::Duration timeout);

  ReplicaStatus Status() const;
  [[nodiscard]] Subscription Subscribe(absl::AnyInvocable<void(const Event&)> on_event);

  // Refuses new calls, lets waiting ones finish, closes. After `grace` it
  // completes what still waits with its outcome, and returns kDeadlineExceeded
  // naming the call that is stuck. No callback begins after it returns; the refusal
  // of a call made later is told inside that call, so whoever repeats what failed must
  // stop at kFailedPrecondition. Half of `grace` is for the calls,
  // the rest for closing. Idempotent.
  absl::Status Shutdown(absl::Duration grace);

 private:
  friend struct runtime::TunedStart;
  class Impl;
  explicit Replica(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace zkq
