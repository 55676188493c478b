#include "lib/core/freshness.h"

#include <algorithm>
#include <utility>

namespace zkq::core {
namespace {

constexpr size_t kWaitingMax = 64;

}  // namespace

void Freshness::Confirm(Zxid commit, Time asked) {
  if (commit <= applied_) {
    as_of_ = std::max(as_of_.value_or(asked), asked);
    return;
  }
  while (!waiting_.empty() && waiting_.back().commit >= commit) waiting_.pop_back();
  if (!waiting_.empty() && asked <= waiting_.back().asked) return;
  const size_t waiting = waiting_.size();
  if (waiting >= 2 && asked - waiting_[waiting - 2].asked < gap_) waiting_.pop_back();
  if (waiting_.size() == kWaitingMax) Thin();
  waiting_.push_back({commit, asked});
}

void Freshness::Thin() {
  const Time span = waiting_.back().asked - waiting_.front().asked;
  gap_ = span / (kWaitingMax / 2) + Time(1);
  std::deque<Round> kept = {waiting_.front()};
  for (const Round& round : waiting_) {
    if (round.asked - kept.back().asked >= gap_) kept.push_back(round);
  }
  waiting_ = std::move(kept);
}

void Freshness::Apply(Zxid applied) {
  applied_ = std::max(applied_, applied);
  for (; !waiting_.empty() && waiting_.front().commit <= applied_; waiting_.pop_front()) {
    as_of_ = std::max(as_of_.value_or(waiting_.front().asked), waiting_.front().asked);
  }
  if (waiting_.empty()) gap_ = Time(0);
}

}  // namespace zkq::core
