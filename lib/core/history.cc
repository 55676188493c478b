#include "lib/core/history.h"

#include <algorithm>
#include <utility>

namespace zkq::core {

History::History(Epochs epochs, std::vector<Txn> window, Limits limits, Invariants* invariants)
    : epochs_(std::move(epochs)),
      durable_(epochs_.last()),
      limits_(limits),
      invariants_(invariants) {
  Keep(std::move(window));
}

void History::Keep(std::vector<Txn> window) {
  ZKQ_CHECK(window.empty() || window.back().zxid == last());
  for (Txn& txn : window) {
    window_bytes_ += txn.encoded.size();
    last_leader_time_ = txn.leader_time;
    window_.push_back(std::move(txn));
  }
  Trim();
}

std::vector<Txn> History::After(Zxid after, Zxid upto, size_t bytes_max) const {
  const auto before = [](Zxid zxid, const Txn& txn) { return zxid < txn.zxid; };
  auto txn = std::upper_bound(window_.begin(), window_.end(), after, before);
  std::vector<Txn> found;
  if (txn == window_.end() || txn->prev != after) return found;
  size_t bytes = 0;
  for (; txn != window_.end() && txn->zxid <= upto; ++txn) {
    bytes += txn->encoded.size();
    if (!found.empty() && bytes > bytes_max) break;
    found.push_back(*txn);
  }
  return found;
}

std::vector<Txn> History::Newest(Zxid after, Zxid upto) const {
  const auto before = [](Zxid zxid, const Txn& txn) { return zxid < txn.zxid; };
  const auto begin = std::upper_bound(window_.begin(), window_.end(), after, before);
  return {begin, std::upper_bound(begin, window_.end(), upto, before)};
}

void History::Append(WriteId write, std::span<const Txn> txns) {
  for (const Txn& txn : txns) {
    ZKQ_CHECK(txn.prev == last() && Follows(txn.zxid, txn.prev));
    epochs_.Append(txn.zxid);
    last_leader_time_ = std::max(last_leader_time_, txn.leader_time);
    window_bytes_ += txn.encoded.size();
    window_.push_back(txn);
  }
  AddPending(write, last());
  Trim();
}

void History::Truncate(WriteId write, Zxid after) {
  ZKQ_CHECK(epochs_.Contains(after));
  epochs_.Truncate(after);
  while (!window_.empty() && window_.back().zxid > after) {
    window_bytes_ -= window_.back().encoded.size();
    window_.pop_back();
  }
  // What was still on its way to the disk is cut with the rest: its completion
  // must not raise the mark over entries that come in its place.
  for (Pending& pending : pending_) pending.last = std::min(pending.last, after);
  durable_ = std::min(durable_, after);
  AddPending(write, after);
}

void History::Install(WriteId write, Zxid snapshot) {
  epochs_ = Epochs(snapshot);
  window_.clear();
  window_bytes_ = 0;
  // Until the switch is durable nothing of the new history is.
  for (Pending& pending : pending_) pending.last = Zxid{};
  durable_ = Zxid{};
  AddPending(write, snapshot);
}

void History::AddPending(WriteId write, Zxid last) {
  ZKQ_CHECK(pending_.empty() || pending_.back().write < write);
  pending_.push_back({write, last});
}

void History::Synced(WriteId through) {
  while (!pending_.empty() && pending_.front().write <= through) {
    durable_ = std::max(durable_, pending_.front().last);
    pending_.pop_front();
  }
  ZKQ_CHECK(durable_ <= last());
}

void History::Purged(Zxid begin) {
  if (begin <= epochs_.begin()) return;
  ZKQ_CHECK(epochs_.Contains(begin) && begin <= durable_);
  epochs_.Purge(begin);
}

void History::Trim() {
  while (!window_.empty() &&
         (window_.size() > limits_.txns_max || window_bytes_ > limits_.bytes_max)) {
    window_bytes_ -= window_.front().encoded.size();
    window_.pop_front();
  }
}

}  // namespace zkq::core
