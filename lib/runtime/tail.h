// Tail: the newest transactions of the live history, for the apply strand to
// take without touching the disk. It shares their bytes with the log and the
// links.
//
// Thread-safe: the protocol strand adds and cuts, the apply strand takes.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

#include "zkq/types.h"

namespace zkq::runtime {

class Tail {
 public:
  // Above either bound the oldest are dropped: they are read from the log again.
  Tail(size_t bytes_max, size_t txns_max) : bytes_max_(bytes_max), txns_max_(txns_max) {}

  // Contiguous with what was added last.
  void Append(std::span<const Txn> txns);
  void Truncate(Zxid after);
  // The history is replaced.
  void Clear();

  // The entries behind `after` up to `through`, at most `txns_max` of them, and
  // drops those up to `after`. Nothing if the first of them is no longer here.
  std::vector<Txn> Take(Zxid after, Zxid through, size_t txns_max);

 private:
  void PopFront();

  const size_t bytes_max_;
  const size_t txns_max_;
  std::mutex mutex_;
  std::deque<Txn> txns_;
  size_t bytes_ = 0;
};

}  // namespace zkq::runtime
