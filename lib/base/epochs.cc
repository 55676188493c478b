#include "lib/base/epochs.h"

#include <algorithm>
#include <iterator>

namespace zkq {

bool Follows(Zxid zxid, Zxid prev) {
  // Never counter 0, to which the last counter of an epoch would wrap.
  if (zxid.epoch == prev.epoch)
    return zxid.counter > prev.counter && zxid.counter - prev.counter == 1;
  return zxid.epoch > prev.epoch && zxid.counter == 1;
}

Epochs::Epochs(Zxid begin, const EpochTable& table) : Epochs(begin) {
  for (Zxid highest : table) {
    if (highest > begin) highest_[highest.epoch] = highest.counter;
  }
}

bool Epochs::Contains(Zxid zxid) const {
  if (zxid <= begin_) return zxid == begin_;
  const auto highest = highest_.find(zxid.epoch);
  return highest != highest_.end() && zxid.counter > 0 && zxid.counter <= highest->second;
}

uint64_t Epochs::Count(Zxid from, Zxid to) const {
  uint64_t count = 0;
  for (const auto& [epoch, highest] : highest_) {
    if (epoch < from.epoch || epoch > to.epoch) continue;
    const uint32_t low = epoch == from.epoch ? from.counter : 0;
    const uint32_t high = epoch == to.epoch ? to.counter : highest;
    if (high > low) count += high - low;
  }
  return count;
}

Zxid Epochs::LastBefore(Epoch epoch) const {
  const auto after = highest_.lower_bound(epoch);
  if (after == highest_.begin()) return begin_;
  return {std::prev(after)->first, std::prev(after)->second};
}

EpochTable Epochs::Table() const {
  EpochTable table;
  for (const auto& [epoch, counter] : highest_) table.push_back({epoch, counter});
  if (table.size() > kEpochTableMax) table.erase(table.begin(), table.end() - kEpochTableMax);
  return table;
}

std::optional<Zxid> Epochs::Divergence(const EpochTable& table, Zxid begin) const {
  for (auto theirs = table.rbegin(); theirs != table.rend(); ++theirs) {
    const auto ours = highest_.find(theirs->epoch);
    if (ours == highest_.end()) continue;
    const Zxid shared{theirs->epoch, std::min(theirs->counter, ours->second)};
    // What either has purged cannot be compared, cut or sent any more.
    if (shared < begin_ || shared < begin) return std::nullopt;
    if (Contains(shared)) return shared;
  }
  return std::nullopt;
}

bool Epochs::Append(Zxid zxid) {
  if (!Follows(zxid, last())) return false;
  highest_[zxid.epoch] = zxid.counter;
  return true;
}

bool Epochs::Truncate(Zxid after) {
  if (!Contains(after)) return false;
  highest_.erase(highest_.upper_bound(after.epoch), highest_.end());
  highest_[after.epoch] = after.counter;
  return true;
}

bool Epochs::Purge(Zxid begin) {
  if (!Contains(begin)) return false;
  begin_ = begin;
  highest_.erase(highest_.begin(), highest_.lower_bound(begin.epoch));
  return true;
}

}  // namespace zkq
