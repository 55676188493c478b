#include "lib/core/feed.h"

namespace zkq::core {

void Feed::Begin(Zxid from, Zxid target) {
  *this = Feed(invariants_);
  sent_ = from;
  target_ = target;
}

void Feed::Advance(const std::vector<Txn>& txns) {
  ZKQ_CHECK(!txns.empty() && txns.back().zxid > sent_);
  Portion portion{.last = txns.back().zxid};
  for (const Txn& txn : txns) portion.bytes += txn.encoded.size();
  used_ += portion.bytes;
  portions_.push_back(portion);
  sent_ = portion.last;
}

void Feed::Return(Zxid through) {
  while (!portions_.empty() && portions_.front().last <= through) {
    ZKQ_CHECK(portions_.front().bytes <= used_);
    used_ -= portions_.front().bytes;
    portions_.pop_front();
  }
}

}  // namespace zkq::core
