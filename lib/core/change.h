// Change: one that is asked for of the configuration, and what a leader says to it
// (PROTOCOL §10.1). Pure: the same question before the same scene has the same answer, so a
// change that waits is judged anew whenever something may have moved.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "zkq/message.h"

namespace zkq::core {

// What a leader knows of the servers when it judges.
struct Scene {
  // A server that learns from this leader.
  struct Learner {
    bool follows = false;    // synchronised, as a follower: it acknowledges
    bool caught_up = false;  // and lacks nothing but what is new
    uint64_t behind = 0;     // transactions
    uint64_t bytes_behind = 0;
  };
  MemberId self;
  Membership committed = {};
  std::map<ServerId, DiskId> linked = {};  // of this ensemble
  std::map<MemberId, Learner> learners = {};
};

struct Verdict {
  enum class Kind {
    kRefuse,   // for `reason`
    kNothing,  // it is so already
    kWait,     // for `servers`
    kPropose,  // `next`
  };
  Kind kind = Kind::kRefuse;
  RejectReason reason = RejectReason::kNoMembership;
  std::string text = {};               // why it is refused, or waits
  std::vector<ServerId> servers = {};  // who stands in the way
  Membership next = {};                // with every voter's disk
  std::set<MemberId> to_follow = {};   // learn as observers, and are to vote
};

// `asked.version`: of the configuration that it was made from. Nothing is pending, and the
// committed configuration is settled.
Verdict Judge(const Membership& asked, const Scene& scene);

}  // namespace zkq::core
