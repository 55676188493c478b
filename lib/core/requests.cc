#include "lib/core/requests.h"

#include <utility>

namespace zkq::core {

void Requests::Add(const std::vector<Call>& calls) {
  waiting_.insert(waiting_.end(), calls.begin(), calls.end());
}

std::vector<Call> Requests::Take() {
  std::vector<Call> piece;
  size_t bytes = 0;
  while (!waiting_.empty() && piece.size() < kRequestCallsMax) {
    const size_t cost = CostOf(waiting_.front());
    if (!piece.empty() && bytes + cost > kRequestBytesMax) break;
    if (used_ > 0 && used_ + cost > credit_) break;
    bytes += cost;
    used_ += cost;
    under_way_[waiting_.front().tag] = cost;
    piece.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return piece;
}

void Requests::Settle(uint64_t tag) {
  const auto call = under_way_.find(tag);
  if (call == under_way_.end()) return;
  used_ -= call->second;
  under_way_.erase(call);
}

std::vector<uint64_t> Requests::End() {
  under_way_.clear();
  used_ = 0;
  std::vector<uint64_t> tags;
  for (const Call& call : waiting_) tags.push_back(call.tag);
  waiting_.clear();
  return tags;
}

}  // namespace zkq::core
