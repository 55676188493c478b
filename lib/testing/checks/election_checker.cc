#include "lib/testing/checks/election_checker.h"

#include <algorithm>
#include <utility>

namespace zkq::testing {

void ElectionChecker::OnDelivered(const Route& route, const Carried& carried) {
  if (carried.notification == nullptr) return;
  Peer& peer = peers_[route.to];
  peer.heard[route.from] = {*carried.notification, scheduler_.now()};
  const Notification& n = *carried.notification;
  const bool vouches = n.state == PeerState::kLooking ||
                       (n.state == PeerState::kLeading && n.vote.leader == SeatOf(route.from));
  if (vouches) peer.vouched[n.vote.leader] = scheduler_.now();
}

// What has come meanwhile it hears only now.
void ElectionChecker::OnResumed(ServerId sid) {
  for (auto& [from, heard] : peers_[sid].heard) heard.at = scheduler_.now();
  for (auto& [leader, at] : peers_[sid].vouched) at = scheduler_.now();
}

void ElectionChecker::OnSent(const Route& route, const Carried& carried) {
  if (carried.notification == nullptr || violation_) return;
  if (newest_.IsOld(route, *carried.notification)) return;
  Peer& peer = peers_[route.from];
  const auto before = std::exchange(peer.said, *carried.notification);
  const bool looked = before && before->state == PeerState::kLooking;
  const bool looks = peer.said->state == PeerState::kLooking;
  if (looks && !(looked && before->look_seq == peer.said->look_seq)) {
    peer.looks_since = scheduler_.now();
  }
  if (looks) peer.vouched[peer.said->vote.leader] = scheduler_.now();
  if (looks) return;
  if (looked) CheckJoins(route.from, peer, peer.said->vote);
  peer.settled_at = scheduler_.now();
  if (looked && before->round == peer.said->round) CheckDecision(route.from, peer, *peer.said);
}

void ElectionChecker::CheckJoins(ServerId sid, const Peer& peer, const Vote& decided) {
  const auto vouched = peer.vouched.find(decided.leader);
  const bool since = vouched != peer.vouched.end() && vouched->second >= peer.settled_at;
  if (decided.leader == SeatOf(sid) || since) return;
  violation_ = {"a leader says so itself",
                "server " + ToString(sid) + " joins " + ToString(decided) +
                    ", for whom nobody has voted who looks, and which has not said so"};
}

namespace {

// Who knows of other configurations may count on others.
bool SameConfigs(const Notification& a, const Notification& b) {
  const auto version = [](const std::optional<Membership>& pending) {
    return pending ? pending->version : Zxid{};
  };
  return a.config == b.config && version(a.pending) == version(b.pending);
}

}  // namespace

void ElectionChecker::CheckDecision(ServerId sid, const Peer& peer, const Notification& decided) {
  // Whom others have decided for already is followed, or leads, however good it is.
  const bool joins = std::any_of(peer.heard.begin(), peer.heard.end(), [&](const auto& one) {
    const Notification& n = one.second.newest;
    return n.state != PeerState::kLooking && n.vote.leader == decided.vote.leader;
  });
  if (joins) return;
  for (const auto& [from, heard] : peer.heard) {
    const Notification& n = heard.newest;
    const bool stands = n.state == PeerState::kLooking && n.vote.leader == SeatOf(from) &&
                        n.round == decided.round && n.quorum_connected && SameConfigs(n, decided);
    // What comes before the look is answered and forgotten, and what comes at the very
    // instant of the decision may come after it.
    const bool in_time = heard.at > peer.looks_since && heard.at < scheduler_.now();
    if (!stands || !in_time || n.vote <= decided.vote) continue;
    violation_ = {"the best vote wins", "server " + ToString(sid) + " decides for " +
                                            ToString(decided.vote) + " in round " +
                                            std::to_string(n.round) + ", and has heard of " +
                                            ToString(n.vote)};
  }
}

}  // namespace zkq::testing
