// BlindElection: names any voter as leader, whatever it has. Elections are a heuristic
// (PROTOCOL §4): with this one a term seldom succeeds, and nothing may be lost for it.
#pragma once

#include <map>
#include <memory>
#include <random>

#include "zkq/election.h"

namespace zkq::core {

class BlindElection final : public Election {
 public:
  explicit BlindElection(uint64_t seed) : random_(seed) {}

  std::string_view name() const override { return "blind"; }
  void SetConfigs(const MemberId& self, const Configs& configs) override;
  void Look(const Vote& own, Time now, Outbox* out) override;
  void Settle(PeerState state, const Vote& vote, Outbox* out) override;
  void Receive(const MemberId& from, const Notification& n, Time now, Outbox* out) override;
  void PeerUp(const MemberId&, Time, Outbox*) override {}
  void PeerDown(const MemberId& peer, Time, Outbox*) override { leading_.erase(peer.id); }
  void Tick(Time now, Outbox* out) override;
  std::optional<Time> NextWake() const override { return decide_at_; }
  std::optional<Decision> outcome() const override { return outcome_; }
  Notification current() const override;

 private:
  ServerId Choose();
  void Announce(Outbox* out) const;

  ServerId self_{};
  std::mt19937_64 random_;
  std::vector<ServerId> voters_;
  std::map<ServerId, bool> leading_;  // who says of itself that it leads
  PeerState state_ = PeerState::kLooking;
  Vote vote_;
  uint64_t look_seq_ = 0;
  std::optional<Time> decide_at_;
  std::optional<Decision> outcome_;
};

}  // namespace zkq::core
