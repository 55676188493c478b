// PingLog: what a learner knows of its leader's pings (PROTOCOL §9.1): when it answered each,
// and, of each, when it had sent the answer that the leader had heard by then. When a quorum
// has answered a ping, the leader says so in a later one: what it says was true when that
// answer was sent, which this learner's own clock tells. The ping need not be one that this learner
// got: it confirms all that were sent before it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "zkq/election.h"
#include "zkq/message.h"

namespace zkq::core {

// What the pings of a leader and the round trip to it leave to a learner's staleness, at most: it
// answers every half tick, an observer up to a quarter of a tick later, what confirms the ping that
// heard of that is sent within the next half, and told in the one after it.
inline constexpr int kFreshTicks = 3;

class PingLog {
 public:
  // Every write that was acknowledged before `asked` lies at or before `commit`.
  struct Confirmed {
    Zxid commit = {};
    Time asked{};
  };
  // Takes `ping`, which is answered now. What it confirms, if that is new.
  std::optional<Confirmed> Take(const Ping& ping, Time now);

 private:
  struct Entry {
    uint64_t seq = 0;
    Time answered{};
    std::optional<Time> heard = {};  // when the answer was sent that the leader had heard
  };
  const Entry* Find(uint64_t seq) const;
  const Entry* FindUpTo(uint64_t seq) const;

  // Those that a later ping may speak of, by number; at most kPingsMax.
  std::deque<Entry> pings_;
  uint64_t confirmed_ = 0;
};

}  // namespace zkq::core
