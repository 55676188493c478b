#include "lib/core/watch.h"

namespace zkq::core {

Watch::Watch(Time tick, Time limit, Time now)
    : interval_(tick / 2), limit_(limit), next_ping_(now + interval_) {}

bool Watch::PingIsDue(Time now) {
  if (now < next_ping_) return false;
  next_ping_ = now + interval_;
  return true;
}

uint64_t Watch::NumberPing(Time now, std::optional<Zxid> commit) {
  while (!sent_.empty() && now - sent_.front().at > limit_) sent_.pop_front();
  sent_.push_back({now, commit});
  return ++last_ping_;
}

const Watch::Sent* Watch::Find(uint64_t ping) const {
  if (ping > last_ping_ || last_ping_ - ping >= sent_.size()) return nullptr;
  return &sent_[sent_.size() - 1 - (last_ping_ - ping)];
}

std::optional<Time> Watch::SentAt(uint64_t ping) const {
  const Sent* const sent = Find(ping);
  return sent != nullptr ? std::optional(sent->at) : std::nullopt;
}

std::optional<Zxid> Watch::CommitLongAgo() const {
  return sent_.empty() ? std::nullopt : sent_.front().commit;
}

bool Watch::Confirm(uint64_t ping) {
  const Sent* const sent = Find(ping);
  if (ping <= confirmed_.ping || sent == nullptr || !sent->commit) return false;
  confirmed_ = {ping, sent->at, *sent->commit};
  return true;
}

}  // namespace zkq::core
