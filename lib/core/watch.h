// Watch: a leader's pings (PROTOCOL §9.1): when they are due, which was sent when, and which
// a quorum has answered.
#pragma once

#include <deque>
#include <optional>

#include "lib/core/event.h"

namespace zkq::core {

class Watch {
 public:
  // `limit`: a ping that was sent longer ago can prove nothing any more.
  Watch(Time tick, Time limit, Time now);

  // They are due every half tick, for observers a little later, and are also sent whenever a read
  // asks for one.
  Time next_ping() const { return next_ping_; }
  // True every half tick.
  bool PingIsDue(Time now);
  // Numbers a ping that is sent now. `commit`: all that an established leader knows to be
  // committed; none: this one is not established.
  uint64_t NumberPing(Time now, std::optional<Zxid> commit);
  uint64_t last_ping() const { return last_ping_; }
  // When that ping was sent; none if that is longer ago than the limit. A lease
  // counts from there (PROTOCOL §13.2).
  std::optional<Time> SentAt(uint64_t ping) const;
  // What was committed a limit ago; none: it was not established then.
  std::optional<Zxid> CommitLongAgo() const;

  // A ping that a quorum has answered: when it was sent its sender led for certain.
  struct Round {
    uint64_t ping = 0;
    Time sent{};
    Zxid commit = {};
  };
  // A quorum has answered pings up to `ping`. True: confirmed() is another one now.
  bool Confirm(uint64_t ping);
  const Round& confirmed() const { return confirmed_; }

 private:
  struct Sent {
    Time at{};
    std::optional<Zxid> commit = {};
  };
  const Sent* Find(uint64_t ping) const;

  const Time interval_;
  const Time limit_;
  Time next_ping_;
  uint64_t last_ping_ = 0;
  std::deque<Sent> sent_;  // the newest pings, up to last_ping_
  Round confirmed_;
};

}  // namespace zkq::core
