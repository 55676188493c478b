// FastLeaderElection (PROTOCOL §4.3).
//
// Everybody announces the best candidate it knows of; whoever hears of a better
// one adopts and announces that. When a quorum announces the same candidate, the
// choice is held open for a short grace period, in which every message still
// counts, and is then decided. A peer that meets settled peers joins them once a
// quorum names the same leader and that leader says so itself.
//
// Rounds number the elections so that announcements of an earlier one do not
// count in a later one. They have no safety meaning.
#pragma once

#include <set>

#include "lib/core/ballots.h"

namespace zkq::core {

class FastLeaderElection final : public Election {
 public:
  explicit FastLeaderElection(const FastLeaderElectionOptions& options) : options_(options) {}

  void SetConfigs(const Configs& configs) override;
  void Look(const Vote& own, Time now, Outbox* out) override;
  void Settle(PeerState state, const Vote& vote, Outbox* out) override;
  void Receive(ServerId from, const Notification& n, Time now, Outbox* out) override;
  void PeerUp(ServerId sid, Time now, Outbox* out) override;
  void PeerDown(ServerId sid, Time now, Outbox* out) override;
  void Tick(Time now, Outbox* out) override;
  std::optional<Time> NextWake() const override;
  std::optional<Decision> outcome() const override { return outcome_; }
  Notification current() const override;

 private:
  // In a round; not before the first.
  bool looking() const { return state_ == PeerState::kLooking && look_seq_ > 0; }
  void ReceiveLooking(ServerId from, const Notification& n, Time now, Outbox* out);
  void ReceiveSettled(ServerId from, const Notification& n, Time now, Outbox* out);
  bool Admissible(const Vote& vote) const;
  // `vote` should be proposed rather than `than`. Among partly connected peers
  // the best candidate may be one that reaches no quorum, this peer included:
  // whoever does reach one is preferred, until patience ends.
  bool Better(const Vote& vote, const Vote& than) const {
    return Admissible(vote) && (vote > than || !Admissible(than));
  }
  void Adopt(const Vote& vote, Outbox* out);
  // The best admissible of what was said in this round.
  void Reconsider(Outbox* out);
  void Conclude(Time now, Outbox* out);
  bool EveryoneVoted() const;
  void Decide(const Vote& vote, uint64_t round, Outbox* out);
  void Announce(Outbox* out);
  void UpdateConnected(Time now, Outbox* out);
  bool NowConnected() const;

  const FastLeaderElectionOptions options_;
  Quorum quorum_;
  Zxid config_;

  PeerState state_ = PeerState::kLooking;
  uint64_t round_ = 0;  // the logical clock; grows for one process life
  uint64_t look_seq_ = 0;
  Vote own_;       // the first proposal of the round
  Vote proposal_;  // settled: the vote this peer answers with
  uint64_t settled_round_ = 0;
  Ballots received_;                            // of this round
  Ballots settled_;                             // from peers that follow or lead, this round or not
  std::set<ServerId> disconnected_candidates_;  // say of themselves they reach no quorum

  std::optional<Time> decide_at_;  // the grace period runs
  Vote grace_for_;
  Time announce_at_{};
  Time interval_{};
  Time patience_until_{};
  bool patience_over_ = false;
  std::optional<Decision> outcome_;

  std::set<ServerId> connected_;
  bool quorum_connected_ = false;
  std::optional<Time> unconnected_at_;  // the flag falls then
};

}  // namespace zkq::core
