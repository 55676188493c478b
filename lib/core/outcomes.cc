#include "lib/core/outcomes.h"

#include <algorithm>

namespace zkq::core {

void Outcomes::Appended(std::span<const Txn> txns) {
  for (const Txn& txn : txns) {
    if (txn.origin.sid != self_.sid || txn.origin.boot != self_.boot) continue;
    const auto call = calls_.find(txn.origin.call);
    if (call == calls_.end()) continue;
    // It is in a history once, so here, and not under a snapshot that came before.
    call->second = {.zxid = txn.zxid, .logged = true};
    logged_[txn.zxid] = call->first;
  }
}

void Outcomes::Truncated(Zxid after) {
  for (auto cut = logged_.upper_bound(after); cut != logged_.end(); cut = logged_.erase(cut)) {
    const auto call = calls_.find(cut->second);
    if (call != calls_.end()) call->second.logged = false;
  }
}

void Outcomes::Installed(Zxid snapshot) {
  logged_.clear();
  for (auto& [tag, call] : calls_) {
    call.logged = false;
    if (call.zxid <= snapshot) call.maybe_installed = true;
  }
}

void Outcomes::Delivered(Zxid through) {
  while (!logged_.empty() && logged_.begin()->first <= through) {
    newest_delivered_ = std::max(newest_delivered_, logged_.begin()->second);
    calls_.erase(logged_.begin()->second);
    logged_.erase(logged_.begin());
  }
}

bool Outcomes::Refused(uint64_t tag) {
  const auto call = calls_.find(tag);
  if (call == calls_.end() || call->second.logged) return false;
  calls_.erase(call);
  return true;
}

// In any history this server's calls stand in their order.
uint64_t Outcomes::NewestInHistory() const {
  return logged_.empty() ? newest_delivered_
                         : std::max(newest_delivered_, logged_.rbegin()->second);
}

Outcomes::Verdict Outcomes::Decide() {
  Verdict verdict;
  const uint64_t newest = NewestInHistory();
  for (auto one = calls_.begin(); one != calls_.end();) {
    const auto& [tag, call] = *one;
    if (call.logged) {
      ++one;
      continue;
    }
    auto& fate = tag < newest ? verdict.refused : verdict.again;
    (call.maybe_installed ? verdict.unknown : fate).push_back(tag);
    one = calls_.erase(one);
  }
  return verdict;
}

}  // namespace zkq::core
