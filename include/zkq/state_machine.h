// StateMachine: the application's own part of a replica.
//
// Calls to one StateMachine never overlap, so its state needs no lock; they come from
// different threads. Only the job that Snapshot() returns runs at the same time. They may
// take their time: no heartbeat waits for them, but calls and reads do. None of them may
// throw: zkq catches nothing, and an exception ends the process.
//
// RunStateMachineConformance (zkq/testing/conformance.h) tests a machine against all of this.
#pragma once

#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "zkq/types.h"

namespace zkq {
inline namespace v1 {

// A committed command. `command` is valid during the call only.
struct Transaction {
  Zxid zxid = {};
  // The date by the leader's wall clock, the same on every replica: the only clock that
  // Apply may use. Never earlier than that of the transaction before it.
  absl::Time leader_time = absl::UnixEpoch();
  std::string_view command = {};
};

// Takes the records of one snapshot; each is stored with its length and a checksum. Used by
// one thread, and valid during the job only.
class ZKQ_EXPORT SnapshotWriter {
 public:
  virtual ~SnapshotWriter() = default;
  // A record has at most 64 MiB, else kInvalidArgument. Other errors are the disk's, and
  // kCancelled when the replica ends. After a failure every later call fails, too; the job
  // should return the status it got.
  virtual absl::Status WriteRecord(std::string_view record) = 0;
};

// Gives the records of one snapshot in the order they were written. Valid during Restore
// only.
class ZKQ_EXPORT SnapshotReader {
 public:
  virtual ~SnapshotReader() = default;
  // False after the last record. An error names the file; kDataLoss, a record that is
  // damaged, names the offset, too. Restore should return the status it got.
  virtual absl::StatusOr<bool> ReadRecord(std::string* record) = 0;
};

// Writes the state as it was when Snapshot() returned, while later Apply calls go on: on
// another thread, and at most once. A non-OK status skips this snapshot. Destroyed after its
// run, or unrun when the replica ends.
using SnapshotJob = absl::AnyInvocable<absl::Status(SnapshotWriter&)>;

class ZKQ_EXPORT StateMachine {
 public:
  virtual ~StateMachine() = default;

  // Applies a committed command. Each is applied once, in zxid order, from the state that
  // Restore or Open has given. Must be deterministic: the same result on every replica, from
  // `txn` and the state alone. The value is the caller's reply; a refusal by the
  // application's own rules is such a value.
  //
  // A non-OK status halts this replica: it says that this machine is broken, not the
  // command. A command is committed before it is applied, so an error in answer to bad
  // input would halt every replica, and again after each restart: one caller could end
  // the ensemble. So a command that cannot be read is answered with a value too, the
  // same on every replica.
  virtual absl::StatusOr<std::string> Apply(const Transaction& txn) = 0;

  // Answers `request` from the state and must not change it. Its status, OK or not, is
  // handed to the caller as it is; GetErrorInfo says kUnknown of it.
  virtual absl::StatusOr<std::string> Query(std::string_view request) = 0;

  // Captures the present state and returns the job that writes it. Apply waits meanwhile, so
  // it should be quick: copy on write, a persistent structure, a copy of a small state. A
  // non-OK status skips this snapshot; the replica goes on.
  virtual absl::StatusOr<SnapshotJob> Snapshot() = 0;

  // Replaces the whole state by the snapshot's, whatever was there before: at the start, or
  // when this replica lags too far to be fed from a log. A non-OK status fails Start, or halts
  // this replica.
  virtual absl::Status Restore(SnapshotReader& in) = 0;

  // For a machine that keeps its state on a disk of its own, a database say: the zxid up to
  // which that disk has applied, so that neither a snapshot nor what is older is read again.
  // Called once, before all else. The default, {0,0}, is a machine that begins with nothing. A
  // non-OK status fails Start.
  //
  // What such a machine must do:
  // - Keep the zxid of the last transaction in one atomic write with what that transaction has
  //   changed. After a crash the disk must hold the state as of some zxid, and that zxid.
  //   Transaction::zxid is how it learns them; those of zkq's own entries never come to Apply.
  // - Apply need not sync: what the disk has lost by a crash is applied again, from the log or
  //   after a Restore, so the disk may fall back by any number of transactions.
  // - Write its zxid into its snapshots, as a record of its own: a SnapshotReader does not tell it.
  // - Restore must switch, in one atomic write, from the old state with its zxid to the new one
  //   with its own; a crash meanwhile must leave one of the two. It need not sync, either.
  //
  // What zkq makes of the zxid, at the start:
  //   within the log            the next Apply is the one after it
  //   older than the log        Restore of the newest snapshot, then Apply from there. Also for
  //                             {0,0}, where there is a snapshot: so that disk alone may be lost
  //   newer than the log's end  Start fails with kDataLoss. The log has what was applied, and
  //                             durably so: a log that ends earlier has lost something, or is of
  //                             another time or server than this state
  // It cannot tell that a state belongs to another server or ensemble: keep the two together,
  // and copy, move and empty them together. test/sim/kept_machine.cc is such a machine.
  virtual absl::StatusOr<Zxid> Open() { return Zxid{}; }
};

}  // namespace v1
}  // namespace zkq
