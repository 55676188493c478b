#include "lib/core/feed.h"

namespace zkq::core {

void Feed::Begin(Zxid from, Zxid target) {
  *this = {};
  sent_ = from;
  target_ = target;
}

void Feed::Advance(const std::vector<Txn>& txns) {
  Portion portion{.last = txns.back().zxid};
  for (const Txn& txn : txns) portion.bytes += txn.encoded.size();
  used_ += portion.bytes;
  portions_.push_back(portion);
  sent_ = portion.last;
}

void Feed::Return(Zxid through) {
  while (!portions_.empty() && portions_.front().last <= through) {
    used_ -= portions_.front().bytes;
    portions_.pop_front();
  }
}

}  // namespace zkq::core
