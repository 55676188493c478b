#include "lib/storage/index.h"

#include <algorithm>

namespace zkq::storage {
namespace {

// Runs join up to here: what a reader may have to skip, against what the index
// costs (about 60 bytes a extent).
constexpr uint64_t kRunBytesMax = 256 << 10;

}  // namespace

void Index::Begin(Zxid last) {
  const std::lock_guard lock(mutex_);
  extents_.clear();
  last_ = last;
  joinable_ = false;
}

void Index::Apply(const std::vector<Change>& changes) {
  const std::lock_guard lock(mutex_);
  for (const Change& change : changes) {
    switch (change.kind) {
      case Change::Kind::kAppend:
        Append(change.extent);
        break;
      case Change::Kind::kTruncate:
        Truncate(change.zxid);
        break;
      case Change::Kind::kRebase:
        extents_.clear();
        last_ = change.zxid;
        break;
    }
  }
}

void Index::Append(const Extent& extent) {
  last_ = extent.last;
  if (joinable_ && !extents_.empty() && extents_.back().segment == extent.segment &&
      extent.end - extents_.back().begin <= kRunBytesMax) {
    extents_.back().last = extent.last;
    extents_.back().end = extent.end;
    return;
  }
  extents_.push_back(extent);
  joinable_ = true;
}

void Index::Truncate(Zxid after) {
  while (!extents_.empty() && extents_.back().prev >= after) extents_.pop_back();
  if (!extents_.empty()) extents_.back().last = std::min(extents_.back().last, after);
  last_ = after;
  joinable_ = false;
}

void Index::Purge(uint64_t segment) {
  const std::lock_guard lock(mutex_);
  auto stays = [segment](const Extent& extent) { return extent.segment >= segment; };
  extents_.erase(extents_.begin(), std::find_if(extents_.begin(), extents_.end(), stays));
}

Zxid Index::begin() const {
  const std::lock_guard lock(mutex_);
  return extents_.empty() ? last_ : extents_.front().prev;
}

std::optional<std::vector<Extent>> Index::After(Zxid after, uint64_t bytes_max) const {
  const std::lock_guard lock(mutex_);
  std::vector<Extent> found;
  if (after == last_) return found;
  if (extents_.empty() || after < extents_.front().prev || after > last_) return std::nullopt;
  auto before = [](Zxid zxid, const Extent& extent) { return zxid < extent.last; };
  auto extent = std::upper_bound(extents_.begin(), extents_.end(), after, before);
  for (uint64_t bytes = 0; extent != extents_.end() && (found.size() < 2 || bytes < bytes_max);
       ++extent) {
    if (!found.empty()) bytes += extent->end - extent->begin;
    found.push_back(*extent);
  }
  return found;
}

}  // namespace zkq::storage
