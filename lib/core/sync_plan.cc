#include "lib/core/sync_plan.h"

#include <algorithm>

namespace zkq::core {

SyncPlan ChoosePlan(const History& history, Zxid end, Zxid snapshot, const AckEpoch& learner,
                    uint64_t diff_txns_max) {
  std::optional<Zxid> shared = history.epochs().Divergence(learner.table, learner.base);
  if (shared) shared = std::min(*shared, end);
  const bool snapshot_helps = snapshot > shared.value_or(Zxid{}) && snapshot > learner.base;
  const SyncPlan snap{.kind = SyncPlan::Kind::kSnap, .snapshot = snapshot};
  if (!shared) return snapshot_helps ? snap : SyncPlan{};
  if (snapshot_helps && history.epochs().Count(*shared, end) > diff_txns_max) return snap;
  const bool cut = *shared < learner.last;
  return {.kind = cut ? SyncPlan::Kind::kTrunc : SyncPlan::Kind::kDiff, .from = *shared};
}

}  // namespace zkq::core
