#include "lib/runtime/delivered.h"

#include <utility>

namespace zkq::runtime {

void Delivered::Add(std::vector<Txn> txns) {
  for (Txn& txn : txns) {
    bytes_ += txn.encoded.size();
    txns_.push_back(std::move(txn));
  }
  while (!txns_.empty() && (bytes_ > bounds_.bytes_max || txns_.size() > bounds_.txns_max)) {
    TakeFront();
  }
}

std::vector<Txn> Delivered::Take(Zxid after, Zxid through, size_t count) {
  while (!txns_.empty() && txns_.front().zxid <= after) TakeFront();
  std::vector<Txn> taken;
  // `prev` tells a gap: what is missing there must come from the log.
  while (!txns_.empty() && txns_.front().prev == after && txns_.front().zxid <= through &&
         taken.size() < count) {
    after = txns_.front().zxid;
    taken.push_back(TakeFront());
  }
  return taken;
}

Txn Delivered::TakeFront() {
  Txn front = std::move(txns_.front());
  txns_.pop_front();
  bytes_ -= front.encoded.size();
  return front;
}

}  // namespace zkq::runtime
