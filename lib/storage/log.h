// Log: the one physical write-ahead log of a replica (PROTOCOL §11.2). It holds
// the history and the hard state, so that any change of both is one batch and
// one fsync, atomic by framing. Byte by byte: lib/storage/README.md.
//
// What is added becomes a batch, and the batch durable, at the next Sync; a
// later addition is never durable before an earlier one. After a failed write or
// fsync, or an addition that the history does not allow, the log is dead: Sync,
// Confirm and PurgeOne fail with the first error. What was durable can still be read.
//
// Threads: one strand adds, syncs and purges; Read may be called beside it from
// one other.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/base/recovered.h"
#include "zkq/env.h"
#include "zkq/types.h"

namespace zkq::storage {

struct LogOptions {
  uint64_t segment_bytes = 64 << 20;  // a segment is longer only for a single batch that is
  size_t batch_bytes_max = 1 << 20;   // a batch is larger only for a single txn that is
  size_t window_bytes_max = 64 << 20;
  size_t window_txns_max = 10'000;
};

class Log {
 public:
  // Replays what is in `directory`, which exists, and changes nothing there. `found` is
  // what its records amount to: `base` that of the last BASE record, `commit` what its
  // batches tell, `applied` not touched. It counts as durable only after the first Sync,
  // which cuts a torn tail first. Errors: kDataLoss (damage below the durable mark: names
  // file and offset), kFailedPrecondition (a newer format), and what the file system says.
  static absl::StatusOr<std::unique_ptr<Log>> Open(std::shared_ptr<FileSystem> file_system,
                                                   std::string directory, const LogOptions& options,
                                                   Recovered* found);
  ~Log();

  // What is added waits for Sync in memory, without a bound of its own: the caller
  // adds no more than the credit it has given (payloads are shared, not copied).

  // Contiguous with the last live entry. The caller vouches that each is valid and `encoded`
  // as it is (lib/wire): one whose command_crc is wrong is found only when it is read, and is
  // kDataLoss then.
  void Append(std::span<const Txn> txns);
  // Cuts the live history after `after`, which is in it or is its base.
  void Truncate(Zxid after);
  void Store(const HardState& state);
  // The live history is now the snapshot `base` and nothing after it.
  void Rebase(Zxid base);
  // Known committed, of the history with all that was added. Lazy: written with the next
  // Sync, forces none.
  void Hint(Zxid commit);
  // True if something waits for Sync. A hint alone does not.
  bool dirty() const;
  // Writes what was added as batches and makes it durable. A crash leaves the first of the
  // batches, each whole. What is added with no entry between is in one batch.
  // kResourceExhausted: the disk is full; kInternal: an addition was not
  // allowed; otherwise what the file system says.
  absl::Status Sync();
  // Damage to the newest batch looks like a torn write until a batch after it says
  // that it was durable. This syncs what was added and then writes one, unless the newest
  // already is one. For when the log has been quiet: costs an fsync. Errors: as Sync.
  absl::Status Confirm();

  // The live, durable entries after `after`, contiguous, oldest first: up to
  // `bytes_max`, at least one if there is one. kOutOfRange: the log no longer
  // reaches back to `after`, or `after` is not in the history.
  absl::StatusOr<std::vector<Txn>> Read(Zxid after, size_t bytes_max);

  // Drops the oldest segment, if its entries all lie at or below `through`. Never the one
  // being written. False: there was none to drop. One at a time, for each costs a sync, and
  // what is to be written need not wait for all of them.
  // If the file cannot be removed, it stays for the next time; a removal that cannot be
  // made durable is an error of the log.
  absl::StatusOr<bool> PurgeOne(Zxid through);
  // What is left begins after this.
  Zxid begin() const;

  // The error after which nothing more is written; OK: there was none.
  absl::Status status() const;

 private:
  class Impl;
  explicit Log(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace zkq::storage
