#include "lib/storage/steps.h"

#include <algorithm>

namespace zkq::storage {

using Kind = Index::Change::Kind;

bool Steps::Append(const Txn& txn, size_t record) {
  const Zxid prev = history_.last();
  if (!history_.Append(txn)) return false;
  const bool goes_on = changes_.size() > placed_ && changes_.back().kind == Kind::kAppend;
  if (!goes_on) {
    Index::Change change;
    change.run.prev = prev;
    change.run.record = record;
    changes_.push_back(change);
  }
  changes_.back().run.last = txn.zxid;
  return true;
}

bool Steps::Truncate(Zxid after) {
  if (!history_.Truncate(after)) return false;
  changes_.push_back({Kind::kTruncate, {}, after});
  return true;
}

void Steps::Rebase(Zxid base) {
  history_.Rebase(base);
  changes_.push_back({Kind::kRebase, {}, base});
}

Zxid Steps::Place(uint64_t segment, uint64_t begin, uint64_t end) {
  Zxid highest;
  for (; placed_ < changes_.size(); ++placed_) {
    Run& run = changes_[placed_].run;
    run.segment = segment;
    run.begin = begin;
    run.end = end;
    highest = std::max(highest, run.last);
  }
  return highest;
}

void Steps::Clear() {
  changes_.clear();
  placed_ = 0;
}

}  // namespace zkq::storage
