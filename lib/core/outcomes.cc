#include "lib/core/outcomes.h"

namespace zkq::core {

void Outcomes::Appended(std::span<const Txn> txns) {
  for (const Txn& txn : txns) {
    if (txn.origin.sid != self_.sid || txn.origin.boot != self_.boot) continue;
    const auto call = calls_.find(txn.origin.call);
    if (call == calls_.end()) continue;
    call->second.zxid = txn.zxid;
    logged_[txn.zxid] = call->first;
  }
}

void Outcomes::Truncated(Zxid after) {
  for (auto cut = logged_.upper_bound(after); cut != logged_.end(); cut = logged_.erase(cut)) {
    const auto call = calls_.find(cut->second);
    if (call != calls_.end()) call->second.zxid = Zxid{};
  }
}

void Outcomes::Installed() {
  logged_.clear();
  for (auto& [tag, call] : calls_) {
    call.zxid = Zxid{};
    call.session = 0;  // a renewal installs within its session
    call.maybe_installed = true;
  }
}

void Outcomes::Delivered(Zxid through) {
  while (!logged_.empty() && logged_.begin()->first <= through) {
    calls_.erase(logged_.begin()->second);
    logged_.erase(logged_.begin());
  }
}

bool Outcomes::Refused(uint64_t tag) {
  const auto call = calls_.find(tag);
  if (call == calls_.end() || call->second.zxid != Zxid{}) return false;
  calls_.erase(call);
  return true;
}

Outcomes::Verdict Outcomes::Decide(uint64_t session) {
  Verdict verdict;
  for (auto call = calls_.begin(); call != calls_.end();) {
    const bool decided = call->second.session != session && call->second.zxid == Zxid{};
    if (!decided) {
      ++call;
      continue;
    }
    (call->second.maybe_installed ? verdict.unknown : verdict.abandoned).push_back(call->first);
    call = calls_.erase(call);
  }
  return verdict;
}

}  // namespace zkq::core
