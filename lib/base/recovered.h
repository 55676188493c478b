// Recovered: what a replica goes on from. The log tells what its records amount to, the
// data directory which snapshot the history stands on and who the replica is in this
// life, the runtime what the state machine has applied.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/epochs.h"
#include "lib/base/hard_state.h"
#include "lib/base/snapshot_meta.h"
#include "zkq/types.h"

namespace zkq {

struct Recovered {
  bool fresh = false;      // a new directory: no hard state was stored
  HardState state = {};    // `boot` is this life's, and durable
  SnapshotMeta base = {};  // the snapshot that the history goes on from; at {0,0}: the empty state
  // Of the log: it can be read after epochs.begin(), which is not after `base`, and ends
  // with epochs.last().
  Epochs epochs = Epochs();
  int64_t last_leader_time = 0;  // no entry of the log has a later one
  Zxid commit = {};              // known committed: base.zxid <= commit <= epochs.last()
  Zxid applied = {};             // what the state machine reflects
  std::vector<Txn> window = {};  // the newest entries, contiguous up to the last
  // What the reconfigurations of the log lead to, all that can be read, in their order.
  std::vector<Membership> reconfigurations = {};
};

}  // namespace zkq
