// Feed: a leader's cursor in its own history for one learner. What lies before it
// was sent; credit bounds how much of that may not be durable at the learner yet
// (PROTOCOL §13.8).
//
// The cursor is set in the step that chooses the plan, so nothing can fall between
// synchronisation and broadcast (PROTOCOL §7.1 S3).
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "lib/base/checks.h"
#include "zkq/types.h"

namespace zkq::core {

// A proposal message carries at most this much, but at least one entry.
inline constexpr size_t kProposalBytesMax = 1 << 20;

class Feed {
 public:
  explicit Feed(Invariants* invariants) : invariants_(invariants) {}

  // Begins after `from`; the plan ends at `target`. What was under way is forgotten.
  void Begin(Zxid from, Zxid target);

  Zxid sent() const { return sent_; }
  Zxid target() const { return target_; }
  bool HasCredit(size_t credit_bytes) const { return used_ < credit_bytes; }

  // `txns`, which follow the cursor, are sent.
  void Advance(const std::vector<Txn>& txns);
  // Everything up to `through` is durable at the learner: its credit returns.
  void Return(Zxid through);

  // A page of the log is being read for it; nothing is sent until it comes.
  bool reading() const { return reading_; }
  void BeginPage() { reading_ = true; }
  bool EndPage() { return std::exchange(reading_, false); }

 private:
  struct Portion {
    Zxid last{};
    size_t bytes = 0;
  };
  Invariants& invariants() { return *invariants_; }

  Invariants* invariants_;
  Zxid sent_;
  Zxid target_;
  bool reading_ = false;
  std::deque<Portion> portions_;  // sent and not durable there
  size_t used_ = 0;               // their bytes: at most the credit and one portion
};

}  // namespace zkq::core
