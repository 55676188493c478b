#include "lib/core/fast_leader_election.h"

#include <algorithm>

namespace zkq {
inline namespace v1 {

std::unique_ptr<Election> NewFastLeaderElection(const FastLeaderElectionOptions& options) {
  return std::make_unique<core::FastLeaderElection>(options);
}

}  // namespace v1

namespace core {

void FastLeaderElection::SetConfigs(const Configs& configs) {
  quorum_ = Quorum(configs);
  config_ = configs.committed.version;
}

Notification FastLeaderElection::current() const {
  return {.vote = proposal_,
          .round = looking() ? round_ : settled_round_,
          .state = state_,
          .config = config_,
          .look_seq = look_seq_,
          .quorum_connected = quorum_connected_,
          .amnesic = state_ == PeerState::kLooking && own_.leader == kNoServer};
}

void FastLeaderElection::Look(const Vote& own, Time now, Outbox* out) {
  state_ = PeerState::kLooking;
  outcome_.reset();
  ++round_;
  ++look_seq_;
  own_ = proposal_ = own;
  received_.Clear();
  settled_.Clear();
  disconnected_candidates_.clear();
  decide_at_.reset();
  interval_ = options_.min_interval;
  announce_at_ = now + interval_;
  patience_until_ = now + options_.patience;
  patience_over_ = false;
  UpdateConnected(now, out);
  Adopt(own, out);
  Conclude(now, out);
}

void FastLeaderElection::Settle(PeerState state, const Vote& vote, Outbox* out) {
  state_ = state;
  proposal_ = vote;
  decide_at_.reset();
  Announce(out);
}

void FastLeaderElection::Receive(ServerId from, const Notification& n, Time now, Outbox* out) {
  const bool question = n.vote.leader == kNoServer;
  if (!quorum_.IsVoter(from) || question || n.amnesic) {
    // A question is no answer: two that ask would ask each other without end.
    if (!looking() || proposal_.leader != kNoServer) out->insert_or_assign(from, current());
    return;
  }
  if (!quorum_.IsVoter(n.vote.leader)) return;
  if (!looking()) {
    if (n.state == PeerState::kLooking) out->insert_or_assign(from, current());
    return;
  }
  if (own_.leader == kNoServer) return;  // Asks only: what it hears elects nobody here.
  if (n.state == PeerState::kLooking) {
    ReceiveLooking(from, n, now, out);
  } else if (n.state != PeerState::kObserving) {
    ReceiveSettled(from, n, now, out);
  }
  if (looking()) Conclude(now, out);
}

void FastLeaderElection::ReceiveLooking(ServerId from, const Notification& n, Time now,
                                        Outbox* out) {
  // It has left whatever it had settled on.
  settled_.Erase(from);
  if (n.round < round_) {
    out->insert_or_assign(from, current());
    return;
  }
  if (n.vote.leader == from) {
    if (n.quorum_connected) {
      disconnected_candidates_.erase(from);
    } else {
      disconnected_candidates_.insert(from);
    }
  }
  if (n.round > round_) {
    round_ = n.round;
    received_.Clear();
    patience_until_ = now + options_.patience;
    patience_over_ = false;
    // Against the first proposal, not the last: what was adopted in an earlier
    // round may come from a peer that is gone.
    Adopt(Better(n.vote, own_) ? n.vote : own_, out);
    received_.Put(from, {n.vote, n.round, n.state});
    return;
  }
  received_.Put(from, {n.vote, n.round, n.state});
  if (Better(n.vote, proposal_)) {
    Adopt(n.vote, out);
  } else {
    Reconsider(out);
  }
}

void FastLeaderElection::ReceiveSettled(ServerId from, const Notification& n, Time, Outbox* out) {
  const Ballot ballot{n.vote, n.round, n.state};
  const auto joins = [&](const Ballots& ballots, uint64_t round) {
    if (!quorum_.Contains(ballots.Supporters(ballot))) return false;
    if (n.vote.leader != options_.self) return ballots.LeaderSaysSo(n.vote.leader);
    return round_ == round;  // Never lead again on old supporters (ZOOKEEPER-1514).
  };
  settled_.Put(from, ballot);
  // Who reaches no quorum cannot count one: it takes the word of a leader that does.
  if (!quorum_connected_ && n.quorum_connected && n.state == PeerState::kLeading &&
      n.vote.leader == from) {
    round_ = std::max(round_, n.round);
    return Decide(n.vote, n.round, out);
  }
  if (n.round == round_) {
    received_.Put(from, ballot);
    if (joins(received_, n.round)) return Decide(n.vote, n.round, out);
  }
  if (joins(settled_, n.round)) {
    round_ = std::max(round_, n.round);
    Decide(n.vote, n.round, out);
  }
}

bool FastLeaderElection::Admissible(const Vote& vote) const {
  if (patience_over_) return true;
  if (vote.leader == options_.self) return quorum_connected_;
  return !disconnected_candidates_.contains(vote.leader);
}

void FastLeaderElection::Adopt(const Vote& vote, Outbox* out) {
  proposal_ = vote;
  received_.Put(options_.self, {proposal_, round_, PeerState::kLooking});
  Announce(out);
}

void FastLeaderElection::Reconsider(Outbox* out) {
  Vote best = own_;
  for (const auto& [sid, ballot] : received_.cast()) {
    // What this peer itself adopted is no evidence of its own.
    if (sid == options_.self || ballot.state != PeerState::kLooking) continue;
    if (Better(ballot.vote, best)) best = ballot.vote;
  }
  if (best != proposal_ && Better(best, proposal_)) Adopt(best, out);
}

void FastLeaderElection::Conclude(Time now, Outbox* out) {
  const Ballot mine{proposal_, round_, PeerState::kLooking};
  if (own_.leader == kNoServer || !quorum_.Contains(received_.Supporters(mine))) {
    decide_at_.reset();
    return;
  }
  if (!decide_at_ || grace_for_ != proposal_) {
    decide_at_ = now + options_.finalize_wait;
    grace_for_ = proposal_;
  }
  if (EveryoneVoted() || now >= *decide_at_) Decide(proposal_, round_, out);
}

bool FastLeaderElection::EveryoneVoted() const {
  return std::all_of(connected_.begin(), connected_.end(), [this](ServerId sid) {
    return !quorum_.IsVoter(sid) || received_.Has(sid) || settled_.Has(sid);
  });
}

void FastLeaderElection::Decide(const Vote& vote, uint64_t round, Outbox* out) {
  state_ = vote.leader == options_.self ? PeerState::kLeading : PeerState::kFollowing;
  proposal_ = vote;
  settled_round_ = round;
  decide_at_.reset();
  outcome_ = Decision{vote, state_};
  Announce(out);
}

void FastLeaderElection::Announce(Outbox* out) {
  for (ServerId sid : quorum_.Voters()) {
    if (sid != options_.self) out->insert_or_assign(sid, current());
  }
}

void FastLeaderElection::PeerUp(ServerId sid, Time now, Outbox* out) {
  connected_.insert(sid);
  UpdateConnected(now, out);
}

void FastLeaderElection::PeerDown(ServerId sid, Time now, Outbox* out) {
  connected_.erase(sid);
  UpdateConnected(now, out);
  if (looking()) Conclude(now, out);  // It need not be waited for any more.
}

bool FastLeaderElection::NowConnected() const {
  std::set<ServerId> reachable = connected_;
  reachable.insert(options_.self);
  return quorum_.Contains(reachable);
}

void FastLeaderElection::UpdateConnected(Time now, Outbox* out) {
  const bool before = quorum_connected_;
  if (NowConnected()) {
    quorum_connected_ = true;
    unconnected_at_.reset();
  } else if (quorum_connected_ && !unconnected_at_) {
    // A link that comes back at once must not cost a candidate its round.
    unconnected_at_ = now + 2 * options_.min_interval;
  } else if (unconnected_at_ && now >= *unconnected_at_) {
    quorum_connected_ = false;
    unconnected_at_.reset();
  }
  if (quorum_connected_ == before || !looking()) return;
  Reconsider(out);
  Announce(out);
}

void FastLeaderElection::Tick(Time now, Outbox* out) {
  UpdateConnected(now, out);
  if (!looking()) return;
  if (!patience_over_ && now >= patience_until_) {
    patience_over_ = true;
    Reconsider(out);
  }
  if (now >= announce_at_) {
    Announce(out);
    interval_ = std::min(2 * interval_, options_.max_interval);
    announce_at_ = now + interval_;
  }
  Conclude(now, out);
}

std::optional<Time> FastLeaderElection::NextWake() const {
  std::optional<Time> wake = unconnected_at_;
  const auto consider = [&wake](Time at) { wake = wake ? std::min(*wake, at) : at; };
  if (!looking()) return wake;
  consider(announce_at_);
  if (!patience_over_) consider(patience_until_);
  if (decide_at_) consider(*decide_at_);
  return wake;
}

}  // namespace core
}  // namespace zkq
