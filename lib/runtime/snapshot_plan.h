// SnapshotPlan: when a snapshot is to be begun, and whose calls it answers.
//
// Threads: the apply strand's.
#pragma once

#include <cstdint>
#include <vector>

#include "zkq/env.h"

namespace zkq::runtime {

class SnapshotPlan {
 public:
  // After about `every` transactions, drawn anew each time from half of it to all of it, so
  // that the replicas of an ensemble do not all write at once. 0: only when asked for.
  SnapshotPlan(uint64_t every, Random* random);

  void OnApplied() { ++since_; }  // one more transaction
  // A snapshot was restored: it is the newest.
  void OnRestored() { since_ = 0; }
  // Calls for a snapshot. They wait for one that is begun after they came.
  void Ask(const std::vector<uint64_t>& calls);

  bool due() const;
  void Begin();
  // The one that was begun is over; these calls waited for it.
  std::vector<uint64_t> End();

 private:
  void DrawInterval();

  const uint64_t every_;
  Random& random_;
  uint64_t interval_ = 0;  // transactions until the next; 0: never
  uint64_t since_ = 0;     // transactions
  bool runs_ = false;
  std::vector<uint64_t> waiting_;   // for the next
  std::vector<uint64_t> answered_;  // by the one that runs
};

}  // namespace zkq::runtime
