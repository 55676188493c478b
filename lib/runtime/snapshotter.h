// Snapshotter: the snapshot strand. Runs the application's snapshot job beside its
// Apply calls, and removes the snapshots that the new one makes superfluous. A strand of
// its own, for the job may take as long as it likes.
//
// Thread-safe.
#pragma once

#include <atomic>

#include "lib/runtime/strand.h"
#include "lib/runtime/voice.h"
#include "lib/storage/snapshots.h"
#include "zkq/state_machine.h"
#include "zkq/types.h"

namespace zkq::runtime {

class Snapshotter {
 public:
  // Told on the snapshot strand.
  class Ears {
   public:
    virtual ~Ears() = default;
    // A failure leaves snapshots and log as they were.
    virtual void OnSnapshotDone(Zxid snapshot, absl::Status written) = 0;
    // After a success: the oldest snapshot that is kept. The log must reach back to it, so
    // that the history can go on from each of them.
    virtual void OnOldestKept(Zxid oldest) = 0;
  };
  struct Ports {
    Strand* strand = nullptr;
    storage::Snapshots* snapshots = nullptr;
    Clock* clock = nullptr;
    const Voice* voice = nullptr;
    Ears* ears = nullptr;
    const std::atomic<bool>* stopping = nullptr;  // a job that runs fails at its next record
  };
  // Keeps the newest `retain` snapshots.
  Snapshotter(const Ports& ports, int retain) : ports_(ports), retain_(retain) {}

  // Writes what `job` yields as the snapshot that `meta` describes: answered by
  // OnSnapshotDone, unless the replica stops before. One at a time.
  void Take(const SnapshotMeta& meta, SnapshotJob job);

 private:
  absl::Status Write(const SnapshotMeta& meta, SnapshotJob job);
  void Purge(Zxid newest);

  const Ports ports_;
  const int retain_;
};

}  // namespace zkq::runtime
