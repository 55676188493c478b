#include "lib/runtime/snapshot_plan.h"

#include <utility>

namespace zkq::runtime {

SnapshotPlan::SnapshotPlan(uint64_t every, Random* random) : every_(every), random_(*random) {
  DrawInterval();
}

void SnapshotPlan::DrawInterval() {
  if (every_ > 0) interval_ = every_ - random_.Next() % (every_ / 2 + 1);
}

void SnapshotPlan::Ask(const std::vector<uint64_t>& calls) {
  waiting_.insert(waiting_.end(), calls.begin(), calls.end());
}

bool SnapshotPlan::due() const {
  return !runs_ && (!waiting_.empty() || (interval_ != 0 && since_ >= interval_));
}

void SnapshotPlan::Begin() {
  runs_ = true;
  answered_ = std::exchange(waiting_, {});
  since_ = 0;
  DrawInterval();
}

std::vector<uint64_t> SnapshotPlan::End() {
  runs_ = false;
  return std::exchange(answered_, {});
}

}  // namespace zkq::runtime
