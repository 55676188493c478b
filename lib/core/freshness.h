// Freshness: from when on a replica may lack a write that somebody was told of (PROTOCOL §9.1).
//
// A round of pings proves that its leader still led when the round began: every write
// acknowledged before lies at or before what was committed then. Once that is applied here,
// this replica's state is as of the time at which the round was asked for, by its own clock.
#pragma once

#include <deque>
#include <optional>

#include "zkq/election.h"

namespace zkq::core {

class Freshness {
 public:
  // Every write that was acknowledged before `asked` lies at or before `commit`.
  void Confirm(Zxid commit, Time asked);
  // Everything up to here is applied.
  void Apply(Zxid applied);
  // Every write that was acknowledged before is applied here; none: not known of any time.
  std::optional<Time> as_of() const { return as_of_; }

 private:
  // Leaves half of them at most, evenly in time; what comes closer takes the place of the newest.
  void Thin();

  struct Round {
    Zxid commit = {};
    Time asked{};
  };

  Zxid applied_;
  std::optional<Time> as_of_;
  std::deque<Round> waiting_;  // for their commit to be applied; at most kWaitingMax, both rise
  Time gap_{};                 // what at least lies between two of them, but for the newest
};

}  // namespace zkq::core
