#include "lib/core/history.h"

#include <algorithm>

namespace zkq::core {

bool Follows(Zxid zxid, Zxid prev) {
  if (zxid.epoch == prev.epoch) return prev.counter + uint64_t{1} == zxid.counter;
  return zxid.epoch > prev.epoch && zxid.counter == 1;
}

History::History(Zxid begin, const std::vector<Zxid>& epochs, std::vector<Txn> window,
                 Limits limits, Invariants* invariants)
    : begin_(begin), durable_(begin), limits_(limits), invariants_(invariants) {
  epochs_[begin.epoch] = begin.counter;
  for (const Zxid& highest : epochs) {
    if (highest > begin) epochs_[highest.epoch] = highest.counter;
  }
  durable_ = last();
  for (Txn& txn : window) {
    window_bytes_ += txn.encoded.size();
    last_leader_time_ = txn.leader_time;
    window_.push_back(std::move(txn));
  }
  Trim();
}

Zxid History::last() const { return {epochs_.rbegin()->first, epochs_.rbegin()->second}; }

bool History::Contains(Zxid zxid) const {
  if (zxid <= begin_) return zxid == begin_;
  const auto epoch = epochs_.find(zxid.epoch);
  return epoch != epochs_.end() && zxid.counter > 0 && zxid.counter <= epoch->second;
}

uint64_t History::Count(Zxid from, Zxid to) const {
  uint64_t count = 0;
  for (const auto& [epoch, highest] : epochs_) {
    if (epoch < from.epoch || epoch > to.epoch) continue;
    const uint32_t low = epoch == from.epoch ? from.counter : 0;
    const uint32_t high = epoch == to.epoch ? to.counter : highest;
    if (high > low) count += high - low;
  }
  return count;
}

EpochTable History::Table() const {
  EpochTable table;
  for (const auto& [epoch, counter] : epochs_) table.push_back({epoch, counter});
  if (table.size() > kEpochTableMax) {
    table.erase(table.begin(), table.end() - kEpochTableMax);
  }
  return table;
}

std::optional<Zxid> History::Divergence(const EpochTable& table, Zxid begin) const {
  for (auto theirs = table.rbegin(); theirs != table.rend(); ++theirs) {
    const auto ours = epochs_.find(theirs->epoch);
    if (ours == epochs_.end()) continue;
    const Zxid shared{theirs->epoch, std::min(theirs->counter, ours->second)};
    // What either has purged cannot be compared, cut or sent any more.
    if (shared < begin_ || shared < begin) return std::nullopt;
    if (Contains(shared)) return shared;
  }
  return std::nullopt;
}

std::vector<Txn> History::After(Zxid after, Zxid upto, size_t bytes_max) const {
  const auto behind = [](Zxid zxid, const Txn& txn) { return zxid < txn.zxid; };
  auto txn = std::upper_bound(window_.begin(), window_.end(), after, behind);
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
    epochs_[txn.zxid.epoch] = txn.zxid.counter;
    last_leader_time_ = std::max(last_leader_time_, txn.leader_time);
    window_bytes_ += txn.encoded.size();
    window_.push_back(txn);
  }
  pending_.push_back({write, last()});
  Trim();
}

void History::Truncate(WriteId write, Zxid after) {
  ZKQ_CHECK(Contains(after));
  epochs_.erase(epochs_.upper_bound(after.epoch), epochs_.end());
  epochs_[after.epoch] = after.counter;
  while (!window_.empty() && window_.back().zxid > after) {
    window_bytes_ -= window_.back().encoded.size();
    window_.pop_back();
  }
  // What was still on its way to the disk is cut with the rest: its completion
  // must not raise the mark over entries that come in its place.
  for (Pending& pending : pending_) pending.last = std::min(pending.last, after);
  durable_ = std::min(durable_, after);
  pending_.push_back({write, after});
}

void History::Install(WriteId write, Zxid snapshot) {
  begin_ = snapshot;
  epochs_.clear();
  epochs_[snapshot.epoch] = snapshot.counter;
  window_.clear();
  window_bytes_ = 0;
  // Until the switch is durable nothing of the new history is.
  for (Pending& pending : pending_) pending.last = Zxid{};
  durable_ = Zxid{};
  pending_.push_back({write, snapshot});
}

void History::Synced(WriteId through) {
  while (!pending_.empty() && pending_.front().write <= through) {
    durable_ = std::max(durable_, pending_.front().last);
    pending_.pop_front();
  }
  ZKQ_CHECK(durable_ <= last());
}

void History::Purged(Zxid begin) {
  if (begin <= begin_) return;
  ZKQ_CHECK(Contains(begin) && begin <= durable_);
  begin_ = begin;
  epochs_.erase(epochs_.begin(), epochs_.lower_bound(begin.epoch));
}

void History::Trim() {
  while (!window_.empty() &&
         (window_.size() > limits_.txns_max || window_bytes_ > limits_.bytes_max)) {
    window_bytes_ -= window_.front().encoded.size();
    window_.pop_front();
  }
}

}  // namespace zkq::core
