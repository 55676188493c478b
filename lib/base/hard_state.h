// What a data directory knows of itself besides its history: who it belongs to
// and what it has promised. Written as one record (STATE), always whole, so no
// two of these values can ever disagree after a crash (PROTOCOL §11.2).
#pragma once

#include <vector>

#include "zkq/message.h"

namespace zkq {

struct HardState {
  EnsembleId ensemble = {};  // none: unfounded
  ServerId sid{};
  DiskId disk = {};
  DiskId former_disk = {};  // Identity::former_disk
  uint64_t boot = 0;       // of the present or last process life
  Promise accepted = {};   // acceptedEpoch and acceptedLeader
  Epoch current = 0;       // currentEpoch; never above accepted.epoch
  Membership config = {};  // committed; unfounded: empty
  bool listed = false;     // some committed configuration has listed this disk
  friend bool operator==(const HardState&, const HardState&) = default;
};

}  // namespace zkq
