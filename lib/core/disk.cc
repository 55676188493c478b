#include "lib/core/disk.h"

#include <vector>

namespace zkq::core {
namespace {

// So many syncs tell how quick a disk is.
constexpr size_t kSyncs = 8;
// Fewer say nothing of what is usual: the first ones of a start also make files.
constexpr size_t kSyncsToJudge = 4;
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

bool IsSlow(Time limit, Time usual) { return kSlack * usual > limit; }

void Disk::Synced(Time took, Time now) {
  moved_ = now;
  took_.push_back(took);
  if (took_.size() > kSyncs) took_.pop_front();
  std::vector<Time> sorted(took_.begin(), took_.end());
  std::sort(sorted.begin(), sorted.end());
  slowest_ = sorted.back();
  usual_ = sorted.size() < kSyncsToJudge ? Time{} : sorted[sorted.size() / 2];
}

}  // namespace zkq::core
