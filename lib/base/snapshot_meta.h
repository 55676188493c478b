// What a snapshot's file says of the state it holds, beside that state.
#pragma once

#include <cstdint>

#include "zkq/types.h"

namespace zkq {

struct SnapshotMeta {
  Zxid zxid = {};              // of the last transaction that the state reflects
  int64_t leader_time = 0;     // of that transaction: none up to it has a later one
  Membership membership = {};  // the committed configuration when it was taken
  EnsembleId ensemble = {};
  friend bool operator==(const SnapshotMeta&, const SnapshotMeta&) = default;
};

}  // namespace zkq
