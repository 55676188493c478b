#include "lib/runtime/backlog.h"

#include <algorithm>
#include <utility>

#include "zkq/status.h"

namespace zkq::runtime {

void Delivered::Add(std::vector<Txn> txns) {
  for (Txn& txn : txns) {
    bytes_ += txn.encoded.size();
    txns_.push_back(std::move(txn));
  }
  while (!txns_.empty() && (bytes_ > bytes_max_ || txns_.size() > kTxnsMax)) {
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

void Backlog::Deliver(Zxid through) { through_ = std::max(through_, through); }

std::vector<Txn> Backlog::Next(Zxid applied, Memory memory) {
  if (!HasMore(applied)) return {};
  while (!page_.empty() && page_.front().zxid <= applied) page_.pop_front();
  if (!page_.empty()) {
    const auto end =
        page_.begin() + static_cast<std::ptrdiff_t>(std::min(page_.size(), kBatchTxnsMax));
    std::vector<Txn> batch(std::move_iterator(page_.begin()), std::move_iterator(end));
    page_.erase(page_.begin(), end);
    return batch;
  }
  std::vector<Txn> batch = memory(through_);
  page_wanted_ = batch.empty() && !page_asked_ && expected_installs_ == 0;
  return batch;
}

bool Backlog::TakePageWish() {
  if (!std::exchange(page_wanted_, false)) return false;
  page_asked_ = true;
  page_through_ = through_;
  return true;
}

absl::Status Backlog::OnPage(Zxid applied, absl::StatusOr<std::vector<Txn>> page) {
  page_asked_ = false;
  if (std::exchange(page_is_stale_, false) || expected_installs_ > 0) return absl::OkStatus();
  if (!page.ok()) return std::move(page).status();
  // Entries above what was delivered at the request may have been cut and replaced since.
  while (!page->empty() && page->back().zxid > page_through_) page->pop_back();
  if (page->empty() || page->front().prev != applied) {
    return MakeError(absl::StatusCode::kDataLoss,
                     "the log does not hold what follows " + ToString(applied));
  }
  page_.assign(std::move_iterator(page->begin()), std::move_iterator(page->end()));
  return absl::OkStatus();
}

void Backlog::OnInstalled(int installs, Zxid snapshot) {
  expected_installs_ -= installs;
  page_is_stale_ = page_asked_;
  page_.clear();
  Deliver(snapshot);
}

}  // namespace zkq::runtime
