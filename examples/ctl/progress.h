// How far those are that a change waits for: what they lack, and how fast that is made up.
#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "zkq/replica_status.h"

namespace ctl {

class Progress {
 public:
  explicit Progress(zkq::Membership next) : next_(std::move(next)) {}

  // A line for each voter of the next configuration that does not count yet, by what the leader
  // says `now`; empty: none is waited for.
  std::string Lines(const zkq::ReplicaStatus& leader, absl::Time now);

 private:
  struct Sample {
    absl::Time at = absl::InfinitePast();
    uint64_t behind = 0;
  };
  std::string Lag(const zkq::LinkStatus& link, absl::Time now);

  const zkq::Membership next_;
  std::map<zkq::ServerId, Sample> before_;
};

}  // namespace ctl
