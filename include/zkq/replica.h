// Replica: this process's member of an ensemble.
//
//   auto replica = zkq::Replica::Start({.id = zkq::ServerId{1},
//                                       .members = members,
//                                       .data_dir = "/var/lib/app",
//                                       .state_machine = std::make_unique<App>()});
//   auto reply = (*replica)->Propose("x=1");   // committed, and applied here
//
// Threads. Every method may be called from any thread. Callbacks and events run
// one at a time on a serial queue of the replica, the callback strand, and not inside
// the call that asked for them (Shutdown says what it changes); StateMachine calls run
// one at a time on another, the apply strand. Both may take their time: neither can delay
// a heartbeat. A blocking form, or Shutdown, called inside a callback or a StateMachine
// call returns kFailedPrecondition instead of waiting for itself.
//
// Errors. GetErrorInfo(status).outcome says of each failed call whether it may
// have happened:
//   kUnavailable         made while nobody leads, or during     not committed
//                        Shutdown
//   kResourceExhausted   over max_outstanding_bytes, or the     not committed
//                        leader has 64 MiB uncommitted
//   kAborted             timeout or Shutdown, while it waited   not committed
//                        to go again; or refused by a leader
//                        whose answer was lost
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
// A write whose leader is lost waits for the next, and is in its history, or goes again:
// this replica proposes it anew, before newer ones, until its timeout. So a change of leader
// fails no write that has time left, and writes made here take effect in the order of the
// calls, each once at most; those that failed may be missing among them. Nothing else is
// repeated: no refusal, no unknown outcome, no read. A read that failed is always "not
// committed".
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

  // Recovers what `data_dir` holds, which may take as long as a Restore and reading the log
  // do; begins to listen, and returns: election and catching up go on by themselves. After an
  // error nothing of the replica remains. Errors name the option and the value:
  //   kInvalidArgument     unusable options; data_dir is a file, has no parent, or is no path
  //   kFailedPrecondition  data_dir is in use, belongs to another server, or was written
  //                        by a newer zkq
  //   kPermissionDenied    data_dir or the address may not be used
  //   kUnavailable         address in use, or not of this machine; its name is not resolved.
  //                        Try again: that may be so for a moment, of a machine just set up
  //   kResourceExhausted   disk full, or no thread (see zkq/grpc_transport.h) or file
  //                        descriptor left
  //   kDataLoss            the log is damaged (names file and offset), or what it needs is
  //                        gone: older segments, or a snapshot that it goes on from
  //   kInternal            any other error of the disk, or of gRPC
  // What StateMachine::Open or Restore returns is passed on as it is.
  static absl::StatusOr<std::unique_ptr<Replica>> Start(ReplicaOptions options);

  // No other method may be running. Shutdown(5 s), or as much of it as can be done inside a
  // callback. A StateMachine call that never ends keeps what it uses alive; nothing waits for
  // it.
  ~Replica();

  // Replicates `command`, of at most max_command_bytes. `done` gets Apply's reply once a
  // quorum has the command durably and it is applied here, or why not. It is called exactly
  // once; null: nobody wants to know. Any member takes calls; those made here reach the leader
  // in the order they were made. The other form waits for the reply.
  void Propose(std::string command, const CallOptions& options, Callback<Reply> done);
  absl::StatusOr<Reply> Propose(std::string command, const CallOptions& options = {});

  // Answers `request` by StateMachine::Query on this replica. Linearizable unless `options`
  // say otherwise, on any member, without relying on clocks: the leader confirms with a quorum
  // that it still leads. Otherwise as Propose.
  void Read(std::string request, const ReadOptions& options, Callback<Reply> done);
  absl::StatusOr<Reply> Read(std::string request, const ReadOptions& options = {});

  // Writes a snapshot of what is applied; yields its zxid once it is durable. One that exists
  // already is not written again; one whose call's time is over is written all the same. Errors:
  // what StateMachine::Snapshot, its job or the disk says; kFailedPrecondition when nothing is
  // applied yet. None of them halts the replica.
  void TakeSnapshot(const CallOptions& options, Callback<Zxid> done);
  absl::StatusOr<Zxid> TakeSnapshot(const CallOptions& options = {});

  // OK once a leader is established and this replica is synchronised with it. Else
  // kDeadlineExceeded after `timeout`, or why the replica takes no calls any more.
  absl::Status WaitForLeader(absl::Duration timeout);

  // OK once Status().ready is; else what that says after `timeout`, or why the replica takes no
  // calls any more. Who must not wait subscribes to Event::Kind::kReadyChanged.
  absl::Status WaitUntilReady(absl::Duration timeout);

  // A copy of how things stand, all of one moment; waits for nothing, and nobody waits for it.
  // Also after Shutdown.
  ReplicaStatus Status() const;
  // Calls `on_event` on the callback strand at once, and then for each change, until the result
  // is destroyed; of changes that come faster than it returns only the newest of each kind is
  // told. Null: an empty Subscription.
  [[nodiscard]] Subscription Subscribe(absl::AnyInvocable<void(const Event&)> on_event);

  // Refuses new calls, lets waiting ones finish for half of `grace`, ends the others with
  // kCancelled, and closes. A leader's followers see its links go and elect another at once.
  // kDeadlineExceeded: the replica is closed, but when `grace` was over a call that the text
  // names still ran (StateMachine::Apply, a callback, ...). If that is a callback, the others
  // have run beside it, on this thread. Idempotent; a second Shutdown waits for the first, as
  // long as its own `grace`: then it fails with kDeadlineExceeded, "another Shutdown still
  // runs", and nothing is promised yet.
  //
  // A call made meanwhile fails with kUnavailable, in a callback like any other. A call made
  // after Shutdown has returned runs its callback with kFailedPrecondition before it returns;
  // no other callback begins then. A retry loop must stop at that code.
  absl::Status Shutdown(absl::Duration grace);

  class Impl;  // zkq's own
  explicit Replica(std::unique_ptr<Impl> impl);
  Impl& impl() { return *impl_; }

 private:
  const std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace zkq
