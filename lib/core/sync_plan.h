// SyncPlan: how a leader brings one learner to its own history (PROTOCOL §7.1).
#pragma once

#include "lib/core/history.h"

namespace zkq::core {

struct SyncPlan {
  enum class Kind {
    kDiff,   // send what comes after `from`, where the learner's history ends
    kTrunc,  // cut the learner's history after `from`, then as kDiff
    kSnap,   // send the snapshot, and plan again once it is installed
    kNone,   // neither log nor snapshot reaches back: give up this session
  };
  Kind kind = Kind::kNone;
  Zxid from = {};
  Zxid snapshot = {};
  friend bool operator==(const SyncPlan&, const SyncPlan&) = default;
};

// `learner`: the AckEpoch in which it told its history. `end`: the last entry that it is to be
// sent; an observer's is the last that is committed. `snapshot`: the leader's newest, {0,0} if
// there is none. A snapshot is preferred to more than `diff_txns_max` entries only if it comes
// after the point of divergence: then everything the learner shares with the leader, hence every
// committed entry it ever acknowledged, is in the snapshot, and replacing the whole history at once
// loses nothing.
SyncPlan ChoosePlan(const History& history, Zxid end, Zxid snapshot, const AckEpoch& learner,
                    uint64_t diff_txns_max);

}  // namespace zkq::core
