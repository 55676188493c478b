// ElectionChecker: a peer that decides an election takes the best candidate it has heard of
// (PROTOCOL §4): a vote that came before must not be lost, however short a time the
// choice was held open.
//
// What it takes for certain is little: a candidate that proposes itself, reaches a
// quorum, and is still linked.
//
// And the word of followers is not enough to join their leader: they may not have noticed
// yet that it is gone. It says so itself, or somebody who looks votes for it.
#pragma once

#include <map>
#include <optional>

#include "lib/testing/checks/newest_word.h"
#include "zkq/testing/sim.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class ElectionChecker final : public SimObserver {
 public:
  explicit ElectionChecker(const SimScheduler* scheduler) : scheduler_(*scheduler) {}
  const std::optional<Violation>& violation() const { return violation_; }

  void OnSent(const Route& route, const Carried& carried) override;
  void OnDelivered(const Route& route, const Carried& carried) override;
  void OnLinkDown(const Route& route) override { peers_[route.to].heard.erase(route.from); }
  void OnStarting(ServerId sid) override { peers_.erase(sid); }
  void OnResumed(ServerId sid) override;

 private:
  struct Heard {
    Notification newest = {};
    absl::Duration at = absl::ZeroDuration();
  };
  struct Peer {
    std::optional<Notification> said = {};
    absl::Duration looks_since = absl::ZeroDuration();  // in this round of looking
    absl::Duration settled_at = absl::ZeroDuration();   // when it last said it was not
    std::map<ServerId, Heard> heard = {};               // by whom, over links that are up
    // For whom somebody who looks has voted, itself included, or who has said that it
    // leads; and when last.
    std::map<ServerId, absl::Duration> vouched = {};
  };
  void CheckJoins(ServerId sid, const Peer& peer, const Vote& decided);
  void CheckDecision(ServerId sid, const Peer& peer, const Notification& decided);

  const SimScheduler& scheduler_;
  std::map<ServerId, Peer> peers_;
  NewestWord newest_;
  std::optional<Violation> violation_;
};

}  // namespace zkq::testing
