// WaitingReads: reads that are answered once the state is new enough.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/functional/function_ref.h"
#include "zkq/types.h"

namespace zkq::runtime {

class WaitingReads {
 public:
  // These wait for `at` to be applied, which may never be: a call's deadline ends it
  // without us. Tags whose calls no longer `wait` are dropped now and then, so there are
  // never more than twice those that do, or a thousand.
  void Add(std::vector<uint64_t> tags, Zxid at, absl::FunctionRef<bool(uint64_t)> waits);
  // Takes some that `applied` is new enough for; none if there are none.
  std::vector<uint64_t> TakeReady(Zxid applied);
  bool empty() const { return by_zxid_.empty(); }

 private:
  static constexpr size_t kSweptMin = 1024;
  std::multimap<Zxid, std::vector<uint64_t>> by_zxid_;
  size_t sweep_at_ = kSweptMin;  // above so many
};

}  // namespace zkq::runtime
