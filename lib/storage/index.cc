#include "lib/storage/index.h"

#include <algorithm>

namespace zkq::storage {
namespace {

// Runs join up to here: what a reader may have to skip, against what the index
// costs (about 60 bytes a run).
constexpr uint64_t kRunBytesMax = 256 << 10;

}  // namespace

void Index::Begin(Zxid last) {
  const std::lock_guard lock(mutex_);
  runs_.clear();
  last_ = last;
  joinable_ = false;
}

void Index::Apply(const std::vector<Change>& changes) {
  const std::lock_guard lock(mutex_);
  for (const Change& change : changes) {
    switch (change.kind) {
      case Change::Kind::kAppend:
        Append(change.run);
        break;
      case Change::Kind::kTruncate:
        Truncate(change.zxid);
        break;
      case Change::Kind::kRebase:
        runs_.clear();
        last_ = change.zxid;
        break;
    }
  }
}

void Index::Append(const Run& run) {
  last_ = run.last;
  if (joinable_ && !runs_.empty() && runs_.back().segment == run.segment &&
      run.end - runs_.back().begin <= kRunBytesMax) {
    runs_.back().last = run.last;
    runs_.back().end = run.end;
    return;
  }
  runs_.push_back(run);
  joinable_ = true;
}

void Index::Truncate(Zxid after) {
  while (!runs_.empty() && runs_.back().prev >= after) runs_.pop_back();
  if (!runs_.empty()) runs_.back().last = std::min(runs_.back().last, after);
  last_ = after;
  joinable_ = false;
}

void Index::Purge(uint64_t segment) {
  const std::lock_guard lock(mutex_);
  auto stays = [segment](const Run& run) { return run.segment >= segment; };
  runs_.erase(runs_.begin(), std::find_if(runs_.begin(), runs_.end(), stays));
}

Zxid Index::begin() const {
  const std::lock_guard lock(mutex_);
  return runs_.empty() ? last_ : runs_.front().prev;
}

std::optional<std::vector<Run>> Index::Behind(Zxid after, uint64_t bytes_max) const {
  const std::lock_guard lock(mutex_);
  std::vector<Run> found;
  if (after == last_) return found;
  if (runs_.empty() || after < runs_.front().prev || after > last_) return std::nullopt;
  auto before = [](Zxid zxid, const Run& run) { return zxid < run.last; };
  auto run = std::upper_bound(runs_.begin(), runs_.end(), after, before);
  for (uint64_t bytes = 0; run != runs_.end() && (found.size() < 2 || bytes < bytes_max); ++run) {
    if (!found.empty()) bytes += run->end - run->begin;
    found.push_back(*run);
  }
  return found;
}

}  // namespace zkq::storage
