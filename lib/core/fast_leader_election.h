// FastLeaderElection (PROTOCOL §4.3).
//
// Every peer announces the best candidate it knows of; a peer that hears of a better
// one adopts and announces that. When a quorum announces the same candidate, the
// choice is held open for a short grace period, in which every message still
// counts, and is then decided. A peer that meets settled peers joins them once a
// quorum names the same leader and that leader says so itself.
//
// Whom to vote for, and whom to follow, is not bound to the configurations that count here:
// candidates.h says who may be elected. Whose vote counts is. To lead takes a quorum of each of
// them, to follow one of the committed configuration: the pending one may be doomed and its
// members gone, and must not keep this peer from a leader that needs it.
//
// A peer that is listed only where another voter tells of it votes, but never for itself.
// A peer that only asks finds a leader in that way alone. If its links reach no quorum
// it takes the word of a leader that does reach one. So does a voter whose patience is
// over: it may not hear those whom it would have to count.
//
// A candidate says of itself whether a quorum could follow it: one that it is linked with,
// and none of which is known to be ahead of it. Where links are missing, the best candidate
// may be one that reaches no such quorum: those that do are preferred, and a candidate that
// reaches none is taken only if nobody qualifies when patience is over.
//
// Rounds number the elections so that announcements of an earlier one do not
// count in a later one. They have no safety meaning.
#pragma once

#include <map>
#include <set>
#include <utility>

#include "lib/core/ballots.h"
#include "lib/core/cadence.h"
#include "lib/core/candidates.h"
#include "lib/core/connectivity.h"

namespace zkq::core {

class FastLeaderElection final : public Election {
 public:
  explicit FastLeaderElection(const FastLeaderElectionOptions& options)
      : options_(options),
        connectivity_(2 * options.min_interval),
        cadence_(options.min_interval, options.max_interval, options.patience) {}

  std::string_view name() const override { return "fast"; }
  void SetConfigs(const MemberId& self, const Configs& configs) override;
  void Look(const Vote& own, Time now, Outbox* out) override;
  void Settle(PeerState state, const Vote& vote, Outbox* out) override;
  void Receive(const MemberId& from, const Notification& n, Time now, Outbox* out) override;
  void PeerUp(const MemberId& peer, Time now, Outbox* out) override;
  void PeerDown(const MemberId& peer, Time now, Outbox* out) override;
  void Tick(Time now, Outbox* out) override;
  std::optional<Time> NextWake() const override;
  std::optional<Decision> outcome() const override { return outcome_; }
  Notification current() const override;

 private:
  // In a round; not before the first.
  bool looking() const { return state_ == PeerState::kLooking && look_seq_ > 0; }
  // It votes for nobody: it elects nobody, and is not counted.
  bool asks() const { return own_.leader == kNoServer && !candidates_.IsTold(self_); }
  void Tell(ServerId to, Outbox* out) {
    if (looking() && told_of_look_.size() < kToldMax) told_of_look_.insert(to);
    out->insert_or_assign(to, current());
  }
  // True: the answer is another one, or to something else, than the last.
  bool NotesAnswer(ServerId to, const Notification& said);
  // What nobody lists any more gets no votes.
  void ForsakeUnlisted(Outbox* out);
  // What it says of itself: a quorum could follow it.
  bool Connected() const;
  void ReceiveLooking(const MemberId& from, const Notification& n, Time now, Outbox* out);
  void NoteOwnVote(const MemberId& from, const Notification& n);
  // A candidate says of itself whether it reaches a quorum.
  void NoteCandidate(ServerId sid, bool quorum_connected);
  void ReceiveSettled(const MemberId& from, const Notification& n, Outbox* out);
  // Decides if a quorum of `ballots` agrees with `ballot`, and its leader says so itself.
  bool TryJoin(const Ballots& ballots, const Ballot& ballot, Outbox* out);
  // They are enough for this peer to lead, or to follow that leader.
  bool AreEnough(const std::set<MemberId>& supporters, ServerId leader) const;
  // Decides for the leader whose word is enough, if there is one.
  void TakeLeadersWord(Outbox* out);
  // Linked, and on a disk that votes: on another one it does not, and has nothing to lead with.
  bool IsThere(ServerId sid) const;
  // Its candidate reaches a quorum, as far as is known: a candidate says so of itself.
  bool Qualifies(const Vote& vote) const;
  // Its candidate has what the vote says, as far as it is known, and is not behind this peer.
  bool CouldBe(const Vote& vote) const;
  // Of the candidates that were named in this round.
  bool AnybodyQualifies() const;
  // It could be, and its candidate qualifies. When patience is over and nobody qualifies, what
  // could be is enough.
  bool Admissible(const Vote& vote) const;
  // `vote` should be proposed rather than `than`. Among partly connected peers
  // the best candidate may be one that reaches no quorum, this peer included.
  bool Better(const Vote& vote, const Vote& than) const {
    return Admissible(vote) && (vote > than || !Admissible(than));
  }
  void Adopt(const Vote& vote, Outbox* out);
  // The best admissible of what was said in this round.
  void Reconsider(Outbox* out);
  void Conclude(Time now, Outbox* out);
  bool NothingIsAwaited() const;
  void Decide(const Vote& vote, uint64_t round, Outbox* out);
  void Announce(Outbox* out);
  void UpdateConnectivity(Time now, Outbox* out);
  void AnnounceIfFlipped(Outbox* out);

  const FastLeaderElectionOptions options_;
  MemberId self_;
  Quorum quorum_;            // of each configuration that counts
  Quorum committed_quorum_;  // of the committed one
  Candidates candidates_;
  Zxid config_;

  PeerState state_ = PeerState::kLooking;
  uint64_t round_ = 0;  // the logical clock; grows for one process life
  uint64_t look_seq_ = 0;
  Vote own_;       // the first proposal of the round
  Vote proposal_;  // settled: the vote this peer answers with
  uint64_t settled_round_ = 0;
  Ballots received_;                            // of this round
  Ballots settled_;                             // from peers that follow or lead, this round or not
  std::map<MemberId, Vote> own_votes_;          // the last that each cast for itself, ever
  std::set<ServerId> disconnected_candidates_;  // say of themselves they reach no quorum

  struct Grace {
    Vote vote = {};
    Time until{};
  };
  std::optional<Grace> grace_;  // a quorum has chosen; something better may still come
  std::optional<Decision> outcome_;

  Connectivity connectivity_;
  bool told_connected_ = false;  // by the last announcement
  // That this peer looks, since it was settled. More than that come and go without a leader only
  // where strangers get a new id at each start; who is not noted may hear an old word, and asks on.
  static constexpr size_t kToldMax = 1024;
  std::set<ServerId> told_of_look_;
  // Strangers that look: what each has said last, and the answer.
  std::map<ServerId, std::pair<Notification, Notification>> answered_;
  Cadence cadence_;
};

}  // namespace zkq::core
