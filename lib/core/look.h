// Look: one stay of a peer in the looking role. It tells an announcement that has
// been overtaken from a new one: lanes are not ordered among each other.
// LastWord: what a peer announced last.
#pragma once

#include <compare>
#include <cstdint>
#include <map>

#include "zkq/types.h"

namespace zkq::core {

struct Look {
  uint64_t boot = 0;  // the process life
  uint64_t seq = 0;   // counted in that life
  friend auto operator<=>(const Look&, const Look&) = default;
};

struct LastWord {
  Look look = {};
  PeerState state = PeerState::kLooking;
  ServerId leader{};  // whom it votes for, or has settled on
  bool SettledOnOtherThan(ServerId sid) const {
    const bool settled = state == PeerState::kFollowing || state == PeerState::kLeading;
    return settled && leader != sid;
  }
};
using LastWords = std::map<MemberId, LastWord>;

}  // namespace zkq::core
