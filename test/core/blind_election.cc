#include "test/core/blind_election.h"

namespace zkq::core {

void BlindElection::SetConfigs(const MemberId& self, const Configs& configs) {
  self_ = self.id;
  voters_.clear();
  for (const Member& member : configs.committed.members) voters_.push_back(member.id);
}

Notification BlindElection::current() const {
  return {.vote = vote_,
          .round = look_seq_,
          .state = state_,
          .look_seq = look_seq_,
          .quorum_connected = true};
}

void BlindElection::Announce(Outbox* out) const {
  for (ServerId sid : voters_) {
    if (sid != self_) out->insert_or_assign(sid, current());
  }
}

void BlindElection::Look(const Vote& own, Time now, Outbox* out) {
  state_ = PeerState::kLooking;
  vote_ = own;
  ++look_seq_;
  outcome_.reset();
  decide_at_.reset();
  if (own.leader != kNoServer) decide_at_ = now + std::chrono::milliseconds(1 + random_() % 60);
  Announce(out);
}

void BlindElection::Settle(PeerState state, const Vote& vote, Outbox* out) {
  state_ = state;
  vote_ = vote;
  Announce(out);
}

void BlindElection::Receive(const MemberId& from, const Notification& n, Time, Outbox*) {
  leading_[from.id] = n.state == PeerState::kLeading;
}

// Mostly whoever claims to lead, or this peer itself, so that some terms come to
// something; and now and then anybody.
ServerId BlindElection::Choose() {
  const ServerId anybody = voters_[random_() % voters_.size()];
  switch (random_() % 4) {
    case 0:
      return anybody;
    case 1:
      return self_;
    default:
      for (const auto& [sid, leads] : leading_) {
        if (leads) return sid;
      }
      return anybody;
  }
}

void BlindElection::Tick(Time now, Outbox* out) {
  if (!decide_at_ || now < *decide_at_) return;
  decide_at_.reset();
  vote_.leader = Choose();
  state_ = vote_.leader == self_ ? PeerState::kLeading : PeerState::kFollowing;
  outcome_ = Decision{vote_, state_};
  Announce(out);
}

}  // namespace zkq::core
