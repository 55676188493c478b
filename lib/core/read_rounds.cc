#include "lib/core/read_rounds.h"

#include <iterator>
#include <utility>

namespace zkq::core {

void ReadRounds::Begin(uint64_t nonce, Zxid commit) {
  running_ = std::exchange(waiting_, {});
  nonce_ = nonce;
  at_ = commit;
}

std::vector<ReadRounds::Reads> ReadRounds::Abandon() {
  std::vector<Reads> all = std::exchange(running_, {});
  std::move(waiting_.begin(), waiting_.end(), std::back_inserter(all));
  waiting_.clear();
  return all;
}

}  // namespace zkq::core
