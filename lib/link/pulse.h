// Pulse: when a link has to say something, and when nothing has come for too long
// (PROTOCOL §5.5). Of an open link TCP tells nothing for as long as a quarter of an hour, so
// both ends keep talking. Pure.
#pragma once

#include <algorithm>

#include "absl/time/time.h"
#include "zkq/message.h"

namespace zkq::link {

// How long this server, or a peer that says so of itself, waits for a word; infinite if it does
// not say.
inline absl::Duration SilenceLimit(const Identity& identity) {
  const absl::Duration limit = absl::FromChrono(identity.tick) * identity.sync_limit;
  return limit > absl::ZeroDuration() ? limit : absl::InfiniteDuration();
}
// How often it wants to hear one. A peer cannot ask for so many that they cost something.
inline absl::Duration TalkInterval(const Identity& peer) {
  return std::max(SilenceLimit(peer) / 3, absl::Milliseconds(10));
}

class Pulse {
 public:
  Pulse() = default;  // says and misses nothing
  Pulse(absl::Duration now, absl::Duration limit, absl::Duration interval)
      : limit_(limit), interval_(interval), heard_(now), said_(now) {}

  void Heard(absl::Duration now) { heard_ = now; }
  void Said(absl::Duration now) { said_ = now; }
  bool IsSilent(absl::Duration now) const { return now - heard_ >= limit_; }
  bool HasToTalk(absl::Duration now) const { return now - said_ >= interval_; }
  // How long until one of the two.
  absl::Duration Next(absl::Duration now) const {
    return std::min(heard_ + limit_, said_ + interval_) - now;
  }
  absl::Duration limit() const { return limit_; }
  absl::Duration interval() const { return interval_; }

 private:
  absl::Duration limit_ = absl::InfiniteDuration();
  absl::Duration interval_ = absl::InfiniteDuration();
  absl::Duration heard_ = absl::ZeroDuration();
  absl::Duration said_ = absl::ZeroDuration();
};

}  // namespace zkq::link
