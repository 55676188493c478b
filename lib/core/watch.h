// Watch: what a leader must do and notice as time goes by (PROTOCOL §9.1, §9.2):
// when it pings, which ping was sent when, and whether its own disk still moves.
// (Whether a learner still moves, LearnerProgress knows.)
#pragma once

#include <deque>
#include <optional>

#include "lib/core/event.h"

namespace zkq::core {

class Watch {
 public:
  // `limit`: a ping that was sent longer ago can prove nothing any more.
  Watch(Time tick, Time limit, Time now);

  // --- pings: every half tick, and whenever a read asks for one -----------------
  Time next_ping() const { return next_ping_; }
  // True every half tick.
  bool PingIsDue(Time now);
  // Numbers a ping that is sent now.
  uint64_t NumberPing(Time now);
  uint64_t last_ping() const { return last_ping_; }
  // When that ping was sent; none if that is longer ago than the limit. A lease
  // counts from there (PROTOCOL §13.2).
  std::optional<Time> SentAt(uint64_t ping) const;

  // --- the own disk ------------------------------------------------------------------
  // How long writes have been under way without one becoming durable.
  Time DiskStandsStill(WriteId synced, WriteId written, Time now);

 private:
  const Time interval_;
  const Time limit_;
  Time next_ping_;
  uint64_t last_ping_ = 0;
  std::deque<Time> sent_;  // of the newest pings, up to last_ping_
  WriteId synced_ = 0;     // as it was at disk_moved_
  Time disk_moved_;
};

}  // namespace zkq::core
