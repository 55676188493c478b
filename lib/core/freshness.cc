#include "lib/core/freshness.h"

#include <algorithm>

namespace zkq::core {
namespace {

// A machine that lags by more rounds than that is known to be as fresh as fewer of them tell.
constexpr size_t kWaitingMax = 64;

}  // namespace

void Freshness::Confirm(Zxid commit, Time asked) {
  if (commit <= applied_) {
    as_of_ = std::max(as_of_.value_or(asked), asked);
    return;
  }
  while (!waiting_.empty() && waiting_.back().commit >= commit) waiting_.pop_back();
  if (waiting_.size() == kWaitingMax) waiting_.pop_back();
  waiting_.push_back({commit, asked});
}

void Freshness::Apply(Zxid applied) {
  applied_ = std::max(applied_, applied);
  for (; !waiting_.empty() && waiting_.front().commit <= applied_; waiting_.pop_front()) {
    as_of_ = std::max(as_of_.value_or(waiting_.front().asked), waiting_.front().asked);
  }
}

}  // namespace zkq::core
