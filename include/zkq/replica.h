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
//   kUnavailable         no leader, or Shutdown has begun       not committed
//   kResourceExhausted   over max_outstanding_bytes             not committed
//   kAborted             not in the next epoch's history        not committed
//   kDeadlineExceeded    timeout; not committed if never sent,  else unknown
//   kCancelled           Shutdown; not committed if never sent, else unknown
//   kInvalidArgument     command too large, bad options         not committed
//   kFailedPrecondition  wrong thread, no state machine, or Shutdown has returned
//                                                               not committed
//   kUnknown             a snapshot replaced what would tell    unknown
// Of a replica that has halted (Status().halted; go by that, not by a code):
//   kDataLoss            something durable may be lost          unknown if sent
//   kResourceExhausted   for want of room or descriptors        unknown if sent
//   kInternal            anything else                          unknown if sent
// A call whose leader is lost waits for the next established epoch, which
// decides it. Nothing is retried behind the caller's back.
#pragma once

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "zkq/options.h"
#include "zkq/replica_status.h"
#include "zkq/status.h"
#include "zkq/types.h"

namespace zkq {
inline namespace v1 {

struct Reply {
  Zxid zxid = {};     // of the write, or the state that was read
  std::string value;  // what Apply or Query returned
};

class ZKQ_EXPORT Replica final {
 public:
  template <typename T>
  using Callback = absl::AnyInvocable<void(absl::StatusOr<T>) &&>;

  // Recovers what `data_dir` holds, begins to listen, and returns: election and
  // catching up go on by themselves. Errors name the option and the value:
  //   kInvalidArgument     unusable options; data_dir is a file, or has no parent
  //   kFailedPrecondition  data_dir is in use, or belongs to another server or
  //                        ensemble, or was written by a newer zkq
  //   kPermissionDenied    data_dir or the address may not be used
  //   kUnavailable         address in use, or not of this machine
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
  // naming the call that is stuck. Half of `grace` is for the calls, the rest for
  // closing. Idempotent. A call made meanwhile is told kUnavailable, in a callback like any
  // other. No callback begins after Shutdown has returned: a call made then runs its own,
  // with kFailedPrecondition, before it returns, so a retry loop must stop at that code.
  absl::Status Shutdown(absl::Duration grace);

  class Impl;  // zkq's own
  explicit Replica(std::unique_ptr<Impl> impl);

 private:
  const std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace zkq
