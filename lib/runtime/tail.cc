#include "lib/runtime/tail.h"

namespace zkq::runtime {

void Tail::Append(std::span<const Txn> txns) {
  std::lock_guard lock(mutex_);
  for (const Txn& txn : txns) {
    txns_.push_back(txn);
    bytes_ += txn.encoded.size();
  }
  while (bytes_ > bytes_max_ || txns_.size() > txns_max_) PopFront();
}

void Tail::Truncate(Zxid after) {
  std::lock_guard lock(mutex_);
  while (!txns_.empty() && txns_.back().zxid > after) {
    bytes_ -= txns_.back().encoded.size();
    txns_.pop_back();
  }
}

void Tail::Clear() {
  std::lock_guard lock(mutex_);
  txns_.clear();
  bytes_ = 0;
}

std::vector<Txn> Tail::Take(Zxid after, Zxid through, size_t txns_max) {
  std::lock_guard lock(mutex_);
  while (!txns_.empty() && txns_.front().zxid <= after) PopFront();
  std::vector<Txn> taken;
  // `prev` tells a gap: what is missing before the first must come from the log.
  if (txns_.empty() || txns_.front().prev != after) return taken;
  for (const Txn& txn : txns_) {
    if (txn.zxid > through || taken.size() == txns_max) break;
    taken.push_back(txn);
  }
  return taken;
}

void Tail::PopFront() {
  bytes_ -= txns_.front().encoded.size();
  txns_.pop_front();
}

}  // namespace zkq::runtime
