// Delivered: transactions that were delivered and are not applied yet, as far as they
// are in memory. They share their bytes with the log and the links.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "zkq/types.h"

namespace zkq::runtime {

class Delivered {
 public:
  // Above either bound the oldest are dropped: they are read from the log again.
  struct Bounds {
    size_t bytes_max = 64 << 20;
    size_t txns_max = 100'000;
  };
  explicit Delivered(Bounds bounds) : bounds_(bounds) {}
  Delivered() : Delivered(Bounds{}) {}

  // Newer than all that was added. What lies between may be missing.
  void Add(std::vector<Txn> txns);
  // Takes the entries that follow `after`, up to `through` and at most `count`, and drops
  // those up to `after`. Nothing if the first of them is not here.
  std::vector<Txn> Take(Zxid after, Zxid through, size_t count);

 private:
  Txn TakeFront();

  Bounds bounds_;
  std::deque<Txn> txns_;
  size_t bytes_ = 0;
};

}  // namespace zkq::runtime
