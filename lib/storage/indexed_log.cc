#include "lib/storage/indexed_log.h"

#include <algorithm>

namespace zkq::storage {

using Kind = Index::Change::Kind;

bool IndexedLog::Append(const Txn& txn, size_t record) {
  const Zxid prev = history_.last();
  if (!history_.Append(txn)) return false;
  const bool goes_on = changes_.size() > placed_ && changes_.back().kind == Kind::kAppend;
  if (!goes_on) {
    Index::Change change;
    change.extent.prev = prev;
    change.extent.record = record;
    changes_.push_back(change);
  }
  changes_.back().extent.last = txn.zxid;
  return true;
}

bool IndexedLog::Truncate(Zxid after) {
  if (!history_.Truncate(after)) return false;
  changes_.push_back({Kind::kTruncate, {}, after});
  return true;
}

void IndexedLog::Rebase(Zxid base) {
  history_.Rebase(base);
  changes_.push_back({Kind::kRebase, {}, base});
}

Zxid IndexedLog::Place(uint64_t segment, uint64_t begin, uint64_t end) {
  Zxid highest;
  for (; placed_ < changes_.size(); ++placed_) {
    Extent& extent = changes_[placed_].extent;
    extent.segment = segment;
    extent.begin = begin;
    extent.end = end;
    highest = std::max(highest, extent.last);
  }
  return highest;
}

void IndexedLog::Clear() {
  changes_.clear();
  placed_ = 0;
}

}  // namespace zkq::storage
