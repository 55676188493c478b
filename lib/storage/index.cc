#include "lib/storage/index.h"

#include <algorithm>

#include "lib/storage/ensure.h"
#include "lib/storage/framing.h"

namespace zkq::storage {
namespace {

// Extents join up to here: what a reader may have to skip, against what the index
// costs (about 60 bytes an extent).
constexpr uint64_t kExtentBytesMax = 256 << 10;

}  // namespace

void Index::Begin(Zxid last) {
  const std::lock_guard lock(mutex_);
  extents_.clear();
  last_ = last;
  joinable_ = false;
}

absl::Status Index::Apply(const std::vector<Change>& changes) {
  const std::lock_guard lock(mutex_);
  absl::Status applied = absl::OkStatus();
  for (const Change& change : changes) {
    switch (change.kind) {
      case Change::Kind::kAppend:
        applied = Append(change.extent);
        break;
      case Change::Kind::kTruncate:
        applied = Truncate(change);
        break;
      case Change::Kind::kRebase:
        extents_.clear();
        last_ = change.zxid;
        break;
    }
    if (!applied.ok()) break;
  }
  return applied;
}

absl::Status Index::Append(const Extent& extent) {
  ZKQ_ENSURE(extent.prev == last_, SegmentName(extent.segment), extent.begin);
  ZKQ_ENSURE(extent.begin < extent.end, SegmentName(extent.segment), extent.begin);
  last_ = extent.last;
  if (joinable_ && !extents_.empty() && extents_.back().segment == extent.segment &&
      extent.end - extents_.back().begin <= kExtentBytesMax) {
    extents_.back().last = extent.last;
    extents_.back().end = extent.end;
    return absl::OkStatus();
  }
  extents_.push_back(extent);
  joinable_ = true;
  return absl::OkStatus();
}

absl::Status Index::Truncate(const Change& cut) {
  const Zxid after = cut.zxid;
  ZKQ_ENSURE(after <= last_, SegmentName(cut.extent.segment), cut.extent.begin);
  while (!extents_.empty() && extents_.back().prev >= after) extents_.pop_back();
  if (!extents_.empty()) extents_.back().last = std::min(extents_.back().last, after);
  last_ = after;
  joinable_ = false;
  return absl::OkStatus();
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
