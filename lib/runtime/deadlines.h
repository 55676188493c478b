// Deadlines: when calls are to be given up, earliest first.
//
// Most calls have the same timeout, so their deadlines come in order and queue up; one
// that is earlier than the last in the queue goes to a heap. A deadline stays until it
// is due, or until most of those here are of calls that have ended.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"

namespace zkq::runtime {

class Deadlines {
 public:
  using Waits = absl::FunctionRef<bool(uint64_t tag)>;  // the call has not ended yet

  // `waiting`: how many calls have not ended. An infinite deadline is none.
  void Add(absl::Duration when, uint64_t tag, size_t waiting, Waits waits);
  // The earliest of a call that waits; infinite if there is none.
  absl::Duration Next(Waits waits);
  // Takes one that is due at `now`: its tag. 0 if there is none.
  uint64_t TakeDue(absl::Duration now);
  void Clear();
  size_t size() const { return queue_.size() + heap_.size(); }

 private:
  struct Deadline {
    absl::Duration when;
    uint64_t tag = 0;
    bool operator>(const Deadline& other) const { return when > other.when; }
  };
  void PopHeap();

  std::deque<Deadline> queue_;
  std::vector<Deadline> heap_;
};

}  // namespace zkq::runtime
