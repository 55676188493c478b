// CallOrder: in any history the calls of one process life stand in the order in which they were
// made, each once (INV-31), however often some of them were proposed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "lib/testing/checks/histories.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class CallOrder {
 public:
  // `txn` is seen for the first time; `histories` knows it, and all before it that was ever seen.
  std::optional<Violation> OnLogged(const Txn& txn, const Histories& histories);

 private:
  // By process life: which call each of its transactions is.
  std::map<std::pair<ServerId, uint64_t>, std::map<Zxid, uint64_t>> calls_;
};

}  // namespace zkq::testing
