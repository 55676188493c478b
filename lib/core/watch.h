// Watch: a leader's pings (PROTOCOL §9.1): when they are due, and which was sent when.
#pragma once

#include <deque>
#include <optional>

#include "lib/core/event.h"

namespace zkq::core {

class Watch {
 public:
  // `limit`: a ping that was sent longer ago can prove nothing any more.
  Watch(Time tick, Time limit, Time now);

  // They are due every half tick, and are also sent whenever a read asks for one.
  Time next_ping() const { return next_ping_; }
  // True every half tick.
  bool PingIsDue(Time now);
  // Numbers a ping that is sent now.
  uint64_t NumberPing(Time now);
  uint64_t last_ping() const { return last_ping_; }
  // When that ping was sent; none if that is longer ago than the limit. A lease
  // counts from there (PROTOCOL §13.2).
  std::optional<Time> SentAt(uint64_t ping) const;

 private:
  const Time interval_;
  const Time limit_;
  Time next_ping_;
  uint64_t last_ping_ = 0;
  std::deque<Time> sent_;  // of the newest pings, up to last_ping_
};

}  // namespace zkq::core
