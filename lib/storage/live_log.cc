#include "lib/storage/live_log.h"

#include <algorithm>

namespace zkq::storage {

bool LiveLog::Append(const Txn& txn) {
  if (txn.prev != last() || !epochs_.Append(txn.zxid)) return false;
  leader_time_ = std::max(leader_time_, txn.leader_time);
  return true;
}

// A truncation point before begin() lies in entries that were purged later; the history
// continues from it.
bool LiveLog::Truncate(Zxid after) {
  if (after < base_ || after > last()) return false;
  if (after < begin()) {
    epochs_ = Epochs(after);
  } else if (!epochs_.Truncate(after)) {
    return false;
  }
  commit_ = std::min(commit_, after);
  return true;
}

void LiveLog::Rebase(Zxid base) {
  base_ = commit_ = base;
  epochs_ = Epochs(base);
}

void LiveLog::Hint(Zxid commit) { commit_ = std::max(commit_, std::min(commit, last())); }

}  // namespace zkq::storage
