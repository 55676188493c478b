#include "lib/runtime/deadlines.h"

#include <algorithm>
#include <utility>

namespace zkq::runtime {
namespace {

// So many are not worth a sweep.
constexpr size_t kSweptMin = 1024;

}  // namespace

void Deadlines::Add(absl::Duration when, uint64_t tag, size_t waiting, Waits waits) {
  if (when == absl::InfiniteDuration()) return;
  if (size() >= kSweptMin && size() >= 2 * waiting) {
    const auto ended = [waits](const Deadline& d) { return !waits(d.tag); };
    std::erase_if(queue_, ended);
    std::erase_if(heap_, ended);
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  }
  if (queue_.empty() || when >= queue_.back().when) {
    queue_.push_back({when, tag});
  } else {
    heap_.push_back({when, tag});
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }
}

absl::Duration Deadlines::Next(Waits waits) {
  while (!queue_.empty() && !waits(queue_.front().tag)) queue_.pop_front();
  while (!heap_.empty() && !waits(heap_.front().tag)) PopHeap();
  absl::Duration next = absl::InfiniteDuration();
  if (!queue_.empty()) next = queue_.front().when;
  return heap_.empty() ? next : std::min(next, heap_.front().when);
}

uint64_t Deadlines::TakeDue(absl::Duration now) {
  const bool queued = !queue_.empty() && queue_.front().when <= now;
  const bool heaped = !heap_.empty() && heap_.front().when <= now;
  if (heaped && (!queued || queue_.front() > heap_.front())) {
    const uint64_t tag = heap_.front().tag;
    PopHeap();
    return tag;
  }
  if (!queued) return 0;
  const uint64_t tag = queue_.front().tag;
  queue_.pop_front();
  return tag;
}

void Deadlines::Clear() {
  queue_.clear();
  heap_.clear();
}

void Deadlines::PopHeap() {
  std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
  heap_.pop_back();
}

}  // namespace zkq::runtime
