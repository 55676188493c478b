// Learners: all sessions of one leader, what they have reached together, and what is
// sent to many of them at once.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "lib/core/learner_progress.h"
#include "lib/core/watch.h"

namespace zkq::core {

class Learners {
 public:
  explicit Learners(Self* self) : self_(*self) {}

  LearnerProgress* Add(const LinkId& link, const Session& session, const FollowerInfo& info);
  bool Remove(const LinkId& link) { return all_.erase(link) > 0; }
  // Null: there is no such session (any more).
  LearnerProgress* Find(const LinkId& link);
  // None may be added or removed while they are gone through.
  std::map<LinkId, LearnerProgress>& all() { return all_; }
  const std::map<LinkId, LearnerProgress>& all() const { return all_; }

  std::vector<LinkId> At(LearnerProgress::Stage stage) const;
  std::vector<LinkId> StandingStill();
  // An observer may be sent such a plan beside those that are under way (PROTOCOL §7.1 S5).
  bool TakesMore(SyncPlan::Kind kind) const;
  // The synchronisation of some voter goes on.
  bool AnyVoterGoesOn() const;
  // The log after this is still needed for one of them.
  Zxid PinnedAfter() const;

  // What each has told, by id.
  std::vector<Peer::Learner> Told() const;

  // --- the synced followers: they speak for the present epoch ---------------------
  std::set<MemberId> Synced() const;
  std::map<MemberId, Zxid> Matches() const;       // what each has made durable
  std::map<MemberId, uint64_t> Answered() const;  // the newest ping that each has

  // --- to many at once: one message, encoded once ----------------------------------
  // `txns` follow `before`. Learners that were sent all before it get them now, the
  // others from their own cursors.
  void Propose(Epoch epoch, Zxid before, std::vector<Txn> txns);
  // What is committed now.
  void SendCommit(Epoch epoch);
  void SendPing(uint64_t ping, bool at_work, const Watch::Round& confirmed);

  // --- to observers, in turns ---------------------------------------------------------
  // A ping is due, which each gets at its next turn.
  void OwePings();
  // Those to be told of something now: of that ping, or of what is committed, at once or at the
  // first turn after the last time.
  std::vector<LearnerProgress*> TakeTurns();
  // When there may be more of them.
  Time next_turn() const { return next_turn_; }
  // Sends them what is committed.
  void Inform(Epoch epoch, const std::vector<LearnerProgress*>& observers);
  // Who has asked for one of what was committed after `before` does not wait for its turn.
  void AnswerObservers(Zxid before);

 private:
  Invariants& invariants() { return self_.invariants(); }
  Time NextTurn(ServerId sid, Time after) const;

  Self& self_;
  std::map<LinkId, LearnerProgress> all_;
  Time next_turn_ = Time::max();
  Time no_turn_before_{};  // of one to be told what is committed
};

}  // namespace zkq::core
