#include "lib/core/ballots.h"

#include <utility>

namespace zkq::core {

bool Agree(const Ballot& a, const Ballot& b) {
  if (a.state == PeerState::kLooking || b.state == PeerState::kLooking) {
    return a.vote == b.vote && a.round == b.round;
  }
  return a.vote.leader == b.vote.leader && a.vote.epoch == b.vote.epoch;
}

bool IsBehind(const Vote& vote, const Vote& other) {
  return std::pair(vote.epoch, vote.zxid) < std::pair(other.epoch, other.zxid);
}

std::set<MemberId> Ballots::Supporters(const Ballot& of) const {
  std::set<MemberId> supporters;
  for (const auto& [sid, ballot] : cast_) {
    if (Agree(ballot, of)) supporters.insert({sid, ballot.disk});
  }
  return supporters;
}

bool Ballots::LeaderSaysSo(ServerId leader) const {
  const auto said = cast_.find(leader);
  return said != cast_.end() && said->second.state == PeerState::kLeading;
}

}  // namespace zkq::core
