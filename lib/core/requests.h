// Requests: a learner's calls on their way to its leader. They leave in their order, in
// bounded pieces, and no more than a credit of them at once: what is proposed or refused
// returns it. So a burst of writes through a learner never stands before what keeps its
// session alive, and the leader holds no more of them than that.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "zkq/message.h"

namespace zkq::core {

// What a call costs beside its command, so that empty commands are bounded too.
inline constexpr size_t kCallBytes = 256;
inline size_t CostOf(const Call& call) { return call.command.size() + kCallBytes; }

// One Request carries at most so much, or one call.
inline constexpr size_t kRequestBytesMax = 1 << 20;
inline constexpr size_t kRequestCallsMax = 1'000;

class Requests {
 public:
  // Sent and neither proposed nor refused: `credit` bytes at most, or one call.
  explicit Requests(size_t credit) : credit_(credit) {}

  void Add(const std::vector<Call>& calls);
  // The next piece that may leave now, which counts as sent; empty: none may.
  std::vector<Call> Take();
  // So many bytes of calls may be added now, or one call; 0: none, for one waits already.
  size_t room() const { return waiting_.empty() ? credit_ - std::min(used_, credit_) : 0; }
  // The leader has proposed this call, or refused it.
  void Settle(uint64_t tag);
  // Their session has ended: nothing is under way any more, and nothing waits. The tags of
  // those that have not left.
  std::vector<uint64_t> End();

 private:
  const size_t credit_;
  std::deque<Call> waiting_;              // one call at most, if who adds minds room()
  std::map<uint64_t, size_t> under_way_;  // what each costs
  size_t used_ = 0;                       // of the credit
};

}  // namespace zkq::core
