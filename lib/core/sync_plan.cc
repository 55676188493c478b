#include "lib/core/sync_plan.h"

namespace zkq::core {

SyncPlan ChoosePlan(const History& history, Zxid snapshot, const AckEpoch& learner,
                    uint64_t diff_txns_max) {
  const std::optional<Zxid> shared = history.epochs().Divergence(learner.table, learner.base);
  const bool snapshot_helps = snapshot > shared.value_or(Zxid{}) && snapshot > learner.base;
  const SyncPlan snap{.kind = SyncPlan::Kind::kSnap, .snapshot = snapshot};
  if (!shared) return snapshot_helps ? snap : SyncPlan{};
  if (snapshot_helps && history.epochs().Count(*shared, history.last()) > diff_txns_max)
    return snap;
  const bool cut = *shared < learner.last;
  return {.kind = cut ? SyncPlan::Kind::kTrunc : SyncPlan::Kind::kDiff, .from = *shared};
}

}  // namespace zkq::core
