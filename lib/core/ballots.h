// Ballots: what the elections share, whatever messages they exchange: which vote
// is better, which votes agree, who has said what, and whether a leader has said
// so itself (PROTOCOL §4.2, §4.3).
#pragma once

#include <map>
#include <set>

#include "lib/core/quorum.h"
#include "zkq/election.h"

namespace zkq::core {

// What one server said last.
struct Ballot {
  Vote vote = {};
  uint64_t round = 0;
  PeerState state = PeerState::kLooking;
  bool connected = false;  // its sender reaches a quorum
  DiskId disk = {};        // of its sender
};

// Two ballots support the same leader. Among looking voters everything must be
// equal; members of one established ensemble may have decided in different
// rounds, on different zxids (ZOOKEEPER-1732, -1805).
bool Agree(const Ballot& a, const Ballot& b);

// The candidate of `vote` lacks what the other's has: it could not lead it (PROTOCOL §6.2).
bool IsBehind(const Vote& vote, const Vote& other);

// One a server: of two disks under one id the last that spoke.
class Ballots {
 public:
  void Clear() { cast_.clear(); }
  void Put(const MemberId& from, Ballot ballot) {
    ballot.disk = from.disk;
    cast_[from.id] = ballot;
  }
  void Erase(ServerId from) { cast_.erase(from); }
  template <typename Condition>
  void EraseIf(Condition condition) {
    std::erase_if(cast_, [&](const auto& cast) { return condition(cast.second); });
  }
  bool Has(ServerId from) const { return cast_.contains(from); }
  const std::map<ServerId, Ballot>& cast() const { return cast_; }

  std::set<MemberId> Supporters(const Ballot& of) const;
  // The leader named has announced by itself that it leads. Without this a peer
  // would follow on hearsay a leader that cannot be heard.
  bool LeaderSaysSo(ServerId leader) const;

 private:
  std::map<ServerId, Ballot> cast_;
};

}  // namespace zkq::core
