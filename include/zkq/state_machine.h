// StateMachine: the application's own part of a replica.
//
// Calls to one StateMachine never overlap, so its state needs no lock. The only
// thing that runs beside them is a job returned by Snapshot(). None of them may
// throw: zkq catches nothing, and an exception ends the process.
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
  // By the leader's wall clock: the only clock Apply may use. Never falls.
  absl::Time leader_time = absl::UnixEpoch();
  std::string_view command = {};
};

// Takes the records of one snapshot. Each is framed and checksummed.
class ZKQ_EXPORT SnapshotWriter {
 public:
  virtual ~SnapshotWriter() = default;
  // At most 64 MiB a record. After a failure every later call fails alike; the
  // job should return the status it got.
  virtual absl::Status WriteRecord(std::string_view record) = 0;
};

// Gives the records of one snapshot in the order they were written.
class ZKQ_EXPORT SnapshotReader {
 public:
  virtual ~SnapshotReader() = default;
  // False after the last record. kDataLoss names the file and the offset.
  virtual absl::StatusOr<bool> ReadRecord(std::string* record) = 0;
};

// Writes the state as it was when Snapshot() returned, beside later Apply calls.
using SnapshotJob = absl::AnyInvocable<absl::Status(SnapshotWriter&)>;

class ZKQ_EXPORT StateMachine {
 public:
  virtual ~StateMachine() = default;

  // Applies a committed command, exactly once and in zxid order since the last
  // Restore. Must be deterministic: the same on every replica, from the command
  // and the state alone. What it returns is the caller's reply; a refusal by the
  // application's own rules is such a value.
  //
  // A non-OK status halts this replica: it says that this machine is broken, not the
  // command. A command is committed before it is applied, so an error in answer to bad
  // input would halt every replica, and again after each restart: one caller could end
  // the ensemble. So a command that cannot be read is answered with a value too, the
  // same on every replica.
  virtual absl::StatusOr<std::string> Apply(const Transaction& txn) = 0;

  // Answers `request` from the state and must not change it. Its status, OK or
  // not, passes through to the caller.
  virtual absl::StatusOr<std::string> Query(std::string_view request) = 0;

  // Captures the present state and returns the job that writes it. Cheap (copy
  // on write, a persistent structure, a copy of a small state): Apply waits
  // meanwhile. A failure skips this snapshot; the replica goes on.
  virtual absl::StatusOr<SnapshotJob> Snapshot() = 0;

  // Replaces the whole state by the snapshot's, whatever was there before. A
  // non-OK status halts this replica.
  virtual absl::Status Restore(SnapshotReader& in) = 0;

  // For a machine that keeps its own durable state: the zxid it has durably
  // applied. Called once, first. Apply then starts behind it.
  virtual absl::StatusOr<Zxid> Open() { return Zxid{}; }
};

}  // namespace v1
}  // namespace zkq
