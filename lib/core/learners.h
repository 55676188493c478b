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
  // What is committed now; until now `before` was.
  void SendCommit(Epoch epoch, Zxid before);
  // To observers, if it is time; when it will be: they are told of commits in a bundle.
  void Inform(Epoch epoch);
  std::optional<Time> NextInform() const;
  void SendPing(uint64_t ping, bool at_work, const Watch::Round& confirmed);

 private:
  Invariants& invariants() { return self_.invariants(); }
  void AnswerObservers(Zxid before);

  Self& self_;
  std::map<LinkId, LearnerProgress> all_;
  std::optional<Zxid> informed_;  // observers have not been told what was committed after it
  Time next_inform_{};
};

}  // namespace zkq::core
