// Snapshotter: the snapshot strand. Runs the application's snapshot job beside
// its Apply calls, and drops what the new snapshot makes superfluous. A strand of
// its own, for the job may take as long as it likes.
#pragma once

#include "lib/runtime/strand.h"
#include "zkq/state_machine.h"
#include "zkq/types.h"

namespace zkq::runtime {

struct Node;

class Snapshotter {
 public:
  Snapshotter(Node* node, Strand* strand) : node_(*node), strand_(*strand) {}

  // Writes the snapshot at `applied`; Applier::OnSnapshotDone says how it went. A
  // failure leaves snapshots and log as they were. One at a time: the apply
  // strand sees to that.
  void Take(Zxid applied, SnapshotJob job);

 private:
  absl::Status Write(Zxid applied, SnapshotJob job);
  void Tell(Zxid applied, absl::Status written);
  void Purge(Zxid newest);

  Node& node_;
  Strand& strand_;
};

}  // namespace zkq::runtime
