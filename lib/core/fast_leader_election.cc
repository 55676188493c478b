#include "lib/core/fast_leader_election.h"

#include <algorithm>

namespace zkq {
inline namespace v1 {

std::unique_ptr<Election> NewFastLeaderElection(const FastLeaderElectionOptions& options) {
  return std::make_unique<core::FastLeaderElection>(options);
}

}  // namespace v1

namespace core {

void FastLeaderElection::SetConfigs(const MemberId& self, const Configs& configs) {
  self_ = self;
  quorum_ = Quorum(configs);
  committed_quorum_ = Quorum(Configs{.committed = configs.committed});
  candidates_.Use(configs);
  connectivity_.Use(self, quorum_);
  config_ = configs.committed.version;
}

Notification FastLeaderElection::current() const {
  Notification said{.vote = proposal_,
                    .round = looking() ? round_ : settled_round_,
                    .state = state_,
                    .config = config_,
                    .look_seq = look_seq_,
                    .quorum_connected = Connected(),
                    .amnesic = state_ == PeerState::kLooking && asks()};
  // Who hears a vote hears why its candidate may be voted for.
  const std::set<MemberId>& linked = connectivity_.linked();
  if (const Membership* told = candidates_.ToldOf(proposal_.leader, linked)) said.pending = *told;
  return said;
}

void FastLeaderElection::Look(const Vote& own, Time now, Outbox* out) {
  if (!looking()) told_of_look_.clear();  // they have been told what came of it
  state_ = PeerState::kLooking;
  outcome_.reset();
  ++round_;
  ++look_seq_;
  own_ = proposal_ = own;
  received_.Clear();
  settled_.Clear();
  disconnected_candidates_.clear();
  grace_.reset();
  cadence_.BeginLook(now);
  UpdateConnectivity(now, out);
  Adopt(own, out);
  // Who is no candidate any more must not hear later how it voted in the look before.
  for (const ServerId sid : told_of_look_) Tell(sid, out);
  Conclude(now, out);
}

void FastLeaderElection::Settle(PeerState state, const Vote& vote, Outbox* out) {
  state_ = state;
  proposal_ = vote;
  grace_.reset();
  Announce(out);
}

void FastLeaderElection::Receive(const MemberId& from, const Notification& n, Time now,
                                 Outbox* out) {
  // Who was not known to be a candidate may wait for this peer's word.
  if (candidates_.Note(from, n) && looking()) Announce(out);
  if (looking()) ForsakeUnlisted(out);
  const bool question = n.vote.leader == kNoServer;
  if (!candidates_.IsVoter(from) || question || n.amnesic) {
    // It votes for nobody, whatever it did before.
    settled_.Erase(from.id);
    received_.Erase(from.id);
    // Two that answer each other's answers, or questions, would do so without end.
    const bool looks = n.state == PeerState::kLooking;
    const bool wants_answer = question || (looks && NotesAnswer(from.id, n));
    const bool answers = !looking() || proposal_.leader != kNoServer;
    if (wants_answer && answers) Tell(from.id, out);
    return;
  }
  if (!candidates_.MayLead(n.vote.leader)) return;
  NoteOwnVote(from, n);
  AnnounceIfFlipped(out);
  if (!looking()) {
    if (n.state == PeerState::kLooking) Tell(from.id, out);
    return;
  }
  if (n.state == PeerState::kLooking) {
    settled_.Erase(from.id);  // It has left whatever it had settled on.
    if (!asks()) ReceiveLooking(from, n, now, out);
  } else if (n.state != PeerState::kObserving) {
    ReceiveSettled(from, n, out);
  }
  if (looking()) Conclude(now, out);
}

bool FastLeaderElection::NotesAnswer(ServerId to, const Notification& said) {
  std::pair<Notification, Notification> now(said, current());
  auto& last = answered_[to];
  if (last == now) return false;
  last = std::move(now);
  return true;
}

// Nobody votes for, or follows, who is behind: so a voter that does has lost what it had,
// an entry that was never committed.
void FastLeaderElection::NoteOwnVote(const MemberId& from, const Notification& n) {
  if (n.state == PeerState::kLooking && n.vote.leader == from.id) own_votes_[from] = n.vote;
  const auto own = own_votes_.find(from);
  if (own != own_votes_.end() && IsBehind(n.vote, own->second)) own_votes_.erase(own);
}

void FastLeaderElection::ReceiveLooking(const MemberId& from, const Notification& n, Time now,
                                        Outbox* out) {
  // Who has no vote of its own takes the first one it hears of into its round: an answer without
  // a vote would be a question, and be answered without end.
  const bool has_vote = proposal_.leader != kNoServer;
  if (n.round < round_ && has_vote) return Tell(from.id, out);
  NoteCandidate(from.id, n.quorum_connected);
  if (n.round < round_) {
    if (Better(n.vote, proposal_)) Adopt(n.vote, out);
    return;
  }
  if (n.round > round_) {
    round_ = n.round;
    received_.Clear();
    cadence_.BeginRound(now);
    // Against the first proposal, not the last: what was adopted in an earlier
    // round may come from a peer that is gone.
    Adopt(Better(n.vote, own_) ? n.vote : own_, out);
    received_.Put(from, {n.vote, n.round, n.state});
    return;
  }
  // A newcomer to the round may have heard this peer's vote while it followed somebody, and
  // not have listened.
  if (!received_.Has(from.id) && n.vote != proposal_) Tell(from.id, out);
  received_.Put(from, {n.vote, n.round, n.state});
  if (Better(n.vote, proposal_)) {
    Adopt(n.vote, out);
  } else {
    Reconsider(out);
  }
}

void FastLeaderElection::NoteCandidate(ServerId sid, bool quorum_connected) {
  if (quorum_connected) {
    disconnected_candidates_.erase(sid);
  } else {
    disconnected_candidates_.insert(sid);
  }
}

void FastLeaderElection::ReceiveSettled(const MemberId& from, const Notification& n, Outbox* out) {
  const Ballot ballot{n.vote, n.round, n.state, n.quorum_connected};
  settled_.Put(from, ballot);
  if (n.round == round_) {
    received_.Put(from, ballot);
    if (TryJoin(received_, ballot, out)) return;
  }
  if (TryJoin(settled_, ballot, out)) return;
  TakeLeadersWord(out);
}

bool FastLeaderElection::TryJoin(const Ballots& ballots, const Ballot& ballot, Outbox* out) {
  const ServerId leader = ballot.vote.leader;
  // Never lead again on old supporters (ZOOKEEPER-1514), nor by asking.
  const bool agreed = leader == self_.id ? ballot.vote == own_ && ballot.round == round_
                                         : ballots.LeaderSaysSo(leader);
  if (!agreed || !AreEnough(ballots.Supporters(ballot), leader)) return false;
  round_ = std::max(round_, ballot.round);
  Decide(ballot.vote, ballot.round, out);
  return true;
}

bool FastLeaderElection::AreEnough(const std::set<MemberId>& supporters, ServerId leader) const {
  return (leader == self_.id ? quorum_ : committed_quorum_).Contains(supporters);
}

void FastLeaderElection::TakeLeadersWord(Outbox* out) {
  const bool enough = cadence_.takes_leaders_word() || (asks() && !connectivity_.reaches_quorum());
  if (!enough) return;
  std::optional<Ballot> best;
  for (const auto& [sid, ballot] : settled_.cast()) {
    const bool leads = ballot.state == PeerState::kLeading && ballot.vote.leader == sid;
    if (!leads || !ballot.connected || !connectivity_.IsLinked(sid)) continue;
    if (!best || ballot.vote > best->vote) best = ballot;
  }
  if (!best) return;
  round_ = std::max(round_, best->round);
  Decide(best->vote, best->round, out);
}

bool FastLeaderElection::Connected() const {
  if (!connectivity_.reaches_quorum()) return false;
  if (!looking() || asks()) return true;
  std::set<MemberId> followers = connectivity_.linked();
  size_t ahead = 0;
  for (const auto& [peer, vote] : own_votes_) {
    if (IsBehind(own_, vote)) ahead += followers.erase(peer);
  }
  followers.insert(self_);
  return ahead == 0 || quorum_.Contains(followers);
}

bool FastLeaderElection::Qualifies(const Vote& vote) const {
  if (vote.leader == self_.id) return Connected();
  return IsThere(vote.leader) && !disconnected_candidates_.contains(vote.leader);
}

bool FastLeaderElection::IsThere(ServerId sid) const {
  const std::set<MemberId>& linked = connectivity_.linked();
  return std::any_of(linked.begin(), linked.end(), [&](const MemberId& peer) {
    return peer.id == sid && candidates_.IsVoter(peer);
  });
}

bool FastLeaderElection::AnybodyQualifies() const {
  const auto qualifies = [this](const auto& said) {
    const auto& [sid, ballot] = said;
    const bool evidence = sid != self_.id && ballot.state == PeerState::kLooking;
    return evidence && CouldBe(ballot.vote) && Qualifies(ballot.vote);
  };
  const auto& cast = received_.cast();
  return Qualifies(own_) || std::any_of(cast.begin(), cast.end(), qualifies);
}

// A server may come back with less than its process had before, and votes for what it had then
// are still heard. A candidate proposes no less than it has, so its newest word tells.
bool FastLeaderElection::CouldBe(const Vote& vote) const {
  if (vote.leader == self_.id) return vote == own_;
  const auto word = received_.cast().find(vote.leader);
  const bool known = word != received_.cast().end() && word->second.state == PeerState::kLooking;
  return !IsBehind(vote, own_) && !(known && word->second.vote < vote);
}

bool FastLeaderElection::Admissible(const Vote& vote) const {
  if (!CouldBe(vote)) return false;
  return Qualifies(vote) || (cadence_.takes_any_candidate() && !AnybodyQualifies());
}

void FastLeaderElection::Adopt(const Vote& vote, Outbox* out) {
  proposal_ = vote;
  received_.Put(self_, {proposal_, round_, PeerState::kLooking});
  Announce(out);
}

void FastLeaderElection::Reconsider(Outbox* out) {
  Vote best = own_;
  for (const auto& [sid, ballot] : received_.cast()) {
    // What this peer itself adopted is no evidence of its own.
    if (sid == self_.id || ballot.state != PeerState::kLooking) continue;
    if (Better(ballot.vote, best)) best = ballot.vote;
  }
  if (best != proposal_ && Better(best, proposal_)) Adopt(best, out);
}

void FastLeaderElection::Conclude(Time now, Outbox* out) {
  const Ballot mine{proposal_, round_, PeerState::kLooking};
  const bool votes = !asks() && proposal_.leader != kNoServer;
  if (!votes || !AreEnough(received_.Supporters(mine), proposal_.leader)) return grace_.reset();
  if (!grace_ || grace_->vote != proposal_) {
    grace_ = Grace{.vote = proposal_, .until = now + options_.finalize_wait};
  }
  if (NothingIsAwaited() || now >= grace_->until) Decide(proposal_, round_, out);
}

// Nothing better can come: of all voters that have not gone away the vote is known, or whom
// they follow (unless that one has gone: they will look, too), and no vote is passed over for
// want of links, which may be coming up.
bool FastLeaderElection::NothingIsAwaited() const {
  const std::set<MemberId> voters = quorum_.Voters();
  return std::all_of(voters.begin(), voters.end(), [this](const MemberId& voter) {
    const ServerId sid = voter.id;
    if (!quorum_.MayLead(sid)) return true;  // it has no weight
    if (received_.Has(sid)) return received_.cast().at(sid).vote <= proposal_;
    const bool follows =
        settled_.Has(sid) && !connectivity_.Lost(settled_.cast().at(sid).vote.leader);
    const bool other_disk = connectivity_.IsLinked(sid) && !IsThere(sid);
    return connectivity_.Lost(sid) || other_disk || follows;
  });
}

void FastLeaderElection::Decide(const Vote& vote, uint64_t round, Outbox* out) {
  state_ = vote.leader == self_.id ? PeerState::kLeading : PeerState::kFollowing;
  proposal_ = vote;
  settled_round_ = round;
  grace_.reset();
  outcome_ = Decision{vote, state_};
  Announce(out);
}

void FastLeaderElection::Announce(Outbox* out) {
  told_connected_ = Connected();
  std::set<ServerId> servers = candidates_.Servers();
  // Its last word stays with a server until there is another, over links too: who is no candidate
  // any more, or has only asked, must not hear later that a peer looks which has settled.
  if (!looking()) servers.insert(told_of_look_.begin(), told_of_look_.end());
  for (ServerId sid : servers) {
    if (sid != self_.id) Tell(sid, out);
  }
}

void FastLeaderElection::PeerUp(const MemberId& peer, Time now, Outbox* out) {
  connectivity_.Up(peer);
  UpdateConnectivity(now, out);
  if (looking()) Reconsider(out);
}

void FastLeaderElection::PeerDown(const MemberId& peer, Time now, Outbox* out) {
  connectivity_.Down(peer);
  // The process that answers on the next link, maybe another one, says anew what it does.
  settled_.Erase(peer.id);
  answered_.erase(peer.id);
  if (received_.LeaderSaysSo(peer.id)) received_.Erase(peer.id);
  UpdateConnectivity(now, out);
  if (!looking()) return;
  Reconsider(out);
  Conclude(now, out);  // It need not be waited for any more.
}

void FastLeaderElection::UpdateConnectivity(Time now, Outbox* out) {
  const bool changed = connectivity_.Update(now);
  AnnounceIfFlipped(out);
  if (changed && looking()) TakeLeadersWord(out);
}

void FastLeaderElection::AnnounceIfFlipped(Outbox* out) {
  if (Connected() == told_connected_ || look_seq_ == 0) return;
  if (looking()) Reconsider(out);
  Announce(out);
}

void FastLeaderElection::Tick(Time now, Outbox* out) {
  UpdateConnectivity(now, out);
  if (looking() && cadence_.PatienceEnds(now)) {
    Reconsider(out);
    TakeLeadersWord(out);
  }
  if (!looking()) return;
  if (cadence_.AnnouncementIsDue(now)) Announce(out);
  Conclude(now, out);
}

void FastLeaderElection::ForsakeUnlisted(Outbox* out) {
  received_.EraseIf(
      [this](const Ballot& ballot) { return !candidates_.MayLead(ballot.vote.leader); });
  if (proposal_ == own_ || candidates_.MayLead(proposal_.leader)) return;
  Adopt(own_, out);
  Reconsider(out);
}

std::optional<Time> FastLeaderElection::NextWake() const {
  std::optional<Time> wake = connectivity_.NextWake();
  const auto consider = [&wake](Time at) { wake = wake ? std::min(*wake, at) : at; };
  if (!looking()) return wake;
  consider(cadence_.NextWake());
  if (grace_) consider(grace_->until);
  return wake;
}

}  // namespace core
}  // namespace zkq
