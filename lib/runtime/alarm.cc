#include "lib/runtime/alarm.h"

#include <algorithm>
#include <utility>

namespace zkq::runtime {
namespace {

// Nothing in the protocol is timed finer.
constexpr absl::Duration kShortest = absl::Milliseconds(1);

}  // namespace

void Alarm::Set(absl::Duration when, absl::Duration now) {
  when = std::max(when, now + kShortest);
  std::lock_guard lock(mutex_);
  if (stopped_ || when >= when_) return;
  if (timer_ != 0) executor_.Cancel(timer_);
  when_ = when;
  timer_ = executor_.RunAfter(when - now, [weak = strand_.owner(), this, number = ++timers_] {
    if (const auto owner = weak.lock()) OnTimer(number);
  });
}

void Alarm::OnTimer(uint64_t number) {
  {
    std::lock_guard lock(mutex_);
    if (number != timers_ || stopped_) return;
    timer_ = 0;
    when_ = absl::InfiniteDuration();
  }
  ring_();
}

absl::Duration Alarm::when() const {
  std::lock_guard lock(mutex_);
  return when_;
}

void Alarm::Stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  if (timer_ != 0) executor_.Cancel(std::exchange(timer_, 0));
}

}  // namespace zkq::runtime
