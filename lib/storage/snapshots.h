// Snapshots: the snapshot files of a replica. A file appears under its name only when
// it is whole and durable; the name is durable when Take, Finish or Adopt says so (temp,
// fsync, rename, fsync of the directory). One under its name is removed by nothing but
// Purge: the log may rest on it. Another of the same zxid replaces it.
//
// Threads: any; calls for different files may overlap. Take and receive one at a
// time each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/base/snapshot_meta.h"
#include "lib/storage/snapshot_file.h"
#include "zkq/env.h"
#include "zkq/state_machine.h"
#include "zkq/types.h"

namespace zkq::storage {

class Snapshots {
 public:
  // Sweeps leftovers of interrupted writes. kFailedPrecondition: a snapshot of a
  // newer format is there; nothing was changed.
  static absl::StatusOr<std::unique_ptr<Snapshots>> Open(std::shared_ptr<FileSystem> file_system,
                                                         std::string directory);

  // Oldest first; names only, unverified.
  absl::StatusOr<std::vector<Zxid>> List() const;
  // Reads the whole file and checks every checksum. kDataLoss, kNotFound.
  absl::StatusOr<SnapshotMeta> Verify(Zxid snapshot) const;
  // Called every 8 MiB of a verification: who waits for a large snapshot sees that it goes on.
  using Progress = absl::FunctionRef<void()>;
  // The same, and then makes its name durable: an earlier Finish may have failed after its
  // rename, and a power cut would take the name away. Not noticed: a file system that
  // drops a name after a failed fsync of the directory, and reports success for the next.
  // kFailedPrecondition: it belongs to another ensemble; one that is received replaces it.
  absl::StatusOr<SnapshotMeta> Adopt(Zxid snapshot, EnsembleId ensemble, Progress progress) const;
  struct Opened {
    SnapshotMeta meta = {};
    std::unique_ptr<SnapshotFileReader> records = nullptr;
  };
  absl::StatusOr<Opened> Read(Zxid snapshot) const;

  // Runs `job` and makes its records the snapshot at `meta.zxid`. On failure what was there
  // stays, and this one is there only if all but the fsync of the directory was done.
  absl::Status Take(const SnapshotMeta& meta, SnapshotJob job);

  // The raw file, for a peer: up to `size` bytes from `offset`, fewer only at
  // its end.
  absl::StatusOr<std::string> ReadBytes(Zxid snapshot, uint64_t offset, size_t size) const;

  // Builds a file from a peer's bytes, in order. Destroying it before Finish
  // leaves what has arrived, so that the next Receive of the same snapshot can go on from
  // offset().
  class Incoming {
   public:
    virtual ~Incoming() = default;
    virtual uint64_t offset() const = 0;
    // Makes every 8 MiB durable as they come, so that no fsync takes long. Once one has
    // failed, what has arrived is removed: nobody knows what of it the disk has.
    virtual absl::Status Write(std::string_view bytes) = 0;
    // Verifies every checksum and makes the file durable under its name. What fails before
    // its rename is removed, kDataLoss if it does not verify; from there on it is kept.
    virtual absl::StatusOr<SnapshotMeta> Finish(Progress progress) = 0;
  };
  // Removes what has arrived of other snapshots: they may never be asked for again.
  absl::StatusOr<std::unique_ptr<Incoming>> Receive(Zxid snapshot);

  // Of those up to `newest`, removes the oldest down to `retain`, at least one. What is
  // newer may be what the history is about to begin with. Returns the oldest left.
  absl::StatusOr<Zxid> Purge(int retain, Zxid newest);

 private:
  Snapshots(std::shared_ptr<FileSystem> file_system, std::string directory);
  std::shared_ptr<FileSystem> file_system_;
  std::string directory_;
};

}  // namespace zkq::storage
