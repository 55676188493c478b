#include "lib/core/watch.h"

namespace zkq::core {

Watch::Watch(Time tick, Time limit, Time now)
    : interval_(tick / 2), limit_(limit), next_ping_(now + interval_) {}

bool Watch::PingIsDue(Time now) {
  if (now < next_ping_) return false;
  next_ping_ = now + interval_;
  return true;
}

uint64_t Watch::NumberPing(Time now) {
  while (!sent_.empty() && now - sent_.front() > limit_) sent_.pop_front();
  sent_.push_back(now);
  return ++last_ping_;
}

std::optional<Time> Watch::SentAt(uint64_t ping) const {
  if (ping > last_ping_ || last_ping_ - ping >= sent_.size()) return std::nullopt;
  return sent_[sent_.size() - 1 - (last_ping_ - ping)];
}

}  // namespace zkq::core
