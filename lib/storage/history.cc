#include "lib/storage/history.h"

#include <algorithm>

namespace zkq::storage {
namespace {

// Zab's successor: the next counter of the same epoch, or the first of a later.
bool Follows(Zxid zxid, Zxid prev) {
  if (zxid.epoch == prev.epoch) return zxid.counter == prev.counter + 1 && zxid.counter != 0;
  return zxid.epoch > prev.epoch && zxid.counter == 1;
}

}  // namespace

bool History::Append(const Txn& txn) {
  if (txn.prev != now_.last || !Follows(txn.zxid, now_.last)) return false;
  if (epochs_.empty() || epochs_.back().epoch != txn.zxid.epoch) {
    epochs_.push_back(txn.zxid);
  } else {
    epochs_.back() = txn.zxid;
  }
  now_.last = txn.zxid;
  now_.leader_time = std::max(now_.leader_time, txn.leader_time);
  return true;
}

// A cut before begin() is one into entries that have been purged since: the
// records behind it go on from there.
bool History::Truncate(Zxid after) {
  if (after < now_.base || after > now_.last) return false;
  if (after > begin_ && !Contains(after)) return false;
  while (!epochs_.empty() && epochs_.back() > after) {
    const bool reaches_in = epochs_.back().epoch == after.epoch && after > begin_;
    if (reaches_in) epochs_.back() = after;
    if (!reaches_in) epochs_.pop_back();
  }
  begin_ = std::min(begin_, after);
  now_.last = after;
  hint_ = std::min(hint_, after);
  return true;
}

void History::Rebase(Zxid base) {
  now_.base = base;
  now_.last = base;
  hint_ = base;
  begin_ = base;
  epochs_.clear();
}

void History::Hint(Zxid commit) { hint_ = std::max(hint_, std::min(commit, now_.last)); }

bool History::Contains(Zxid zxid) const {
  if (zxid == begin_) return true;
  if (zxid < begin_ || zxid.counter == 0) return false;
  return std::any_of(epochs_.begin(), epochs_.end(), [zxid](Zxid highest) {
    return highest.epoch == zxid.epoch && zxid.counter <= highest.counter;
  });
}

}  // namespace zkq::storage
