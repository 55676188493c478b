#include "lib/core/disk.h"

namespace zkq::core {
namespace {

// So many syncs tell how quick a disk is.
constexpr size_t kSyncs = 8;
// A write may have to wait for the sync before its own, and where the log goes on in another file
// it is four: of the file that ends, of the one that begins, and of two names. And no sync takes as
// long as the last.
constexpr int kSlack = 6;
// No disk is waited for longer than that, however slow it was.
constexpr Time kLimitMax = std::chrono::seconds(30);

}  // namespace

Time LimitOfDisk(Time limit, Time slowest) {
  return std::max(limit, kSlack * std::clamp(slowest, Time{}, kLimitMax / kSlack));
}

void Disk::Synced(Time took, Time now) {
  moved_ = now;
  took_.push_back(took);
  if (took_.size() > kSyncs) took_.pop_front();
}

Time Disk::slowest() const {
  return took_.empty() ? Time{} : *std::max_element(took_.begin(), took_.end());
}

}  // namespace zkq::core
