#include "lib/runtime/waiting_reads.h"

#include <algorithm>
#include <utility>

namespace zkq::runtime {

void WaitingReads::Add(std::vector<uint64_t> tags, Zxid at,
                       absl::FunctionRef<bool(uint64_t)> waits) {
  by_zxid_.emplace(at, std::move(tags));
  if (by_zxid_.size() <= sweep_at_) return;
  std::erase_if(by_zxid_, [waits](const auto& reads) {
    return std::none_of(reads.second.begin(), reads.second.end(), waits);
  });
  sweep_at_ = std::max(kSweptMin, 2 * by_zxid_.size());
}

std::vector<uint64_t> WaitingReads::TakeReady(Zxid applied) {
  if (by_zxid_.empty() || by_zxid_.begin()->first > applied) return {};
  return std::move(by_zxid_.extract(by_zxid_.begin()).mapped());
}

}  // namespace zkq::runtime
