// Peer's inside: the role, the election beside it, and what is said to others. peer.cc has a step
// and the change of roles, peer_words.cc what goes from and to other servers in elections,
// peer_view.cc what is told of this peer.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "lib/core/founding.h"
#include "lib/core/invariants.h"
#include "lib/core/leading.h"
#include "lib/core/learning.h"
#include "lib/core/looking.h"
#include "lib/core/peer.h"
#include "lib/core/self.h"

namespace zkq::core {

class Peer::Impl {
 public:
  Impl(PeerOptions options, Recovered recovered, std::unique_ptr<Election> election);

  void Step(const Event& event, Effects* effects);
  std::optional<Time> NextWake() const;

  View view() const;
  std::vector<Learner> learners() const;
  std::vector<Difference> differences() const;
  size_t room() const;
  const Configs& configs() const { return self_.memberships.configs(); }
  const Membership* told() const {
    const std::optional<Membership>& told = self_.memberships.told();
    return told ? &*told : nullptr;
  }
  Identity identity() const { return self_.identity(); }
  Invariants& invariants() { return self_.invariants(); }

 private:
  // --- what every role shares
  template <typename E>
  void Remember(const E&) {}
  void Remember(const Tick& tick);
  void Remember(const LinkUp& up);
  void Remember(const Introduced& introduced);
  void Remember(const LinkDown& down);
  void Remember(const Received& received) { Hear(received.link); }
  void Remember(const PartReceived& part) { Hear(part.link); }
  void Remember(const Notified& notified);
  void Remember(const Synced& synced) { self_.NoteSynced(synced); }
  void Remember(const Applied& applied) { self_.NoteApplied(applied.through); }
  void Remember(const SnapshotTaken& taken);
  void Remember(const LogPurged& purged) { self_.history.Purged(purged.base); }
  void Hear(const LinkId& link);
  void CountOn(const LinkId& link, const Identity& peer);
  void ForgetUnlisted(const MemberId& peer);
  bool Founded() const { return !std::holds_alternative<Founding>(role_); }
  bool FromEnsemble(const LinkId& link) const;

  // --- the role
  template <typename E>
  void Dispatch(const E& event) {
    std::visit([&](auto& role) { Give(event, &role); }, role_);
  }
  void Dispatch(const Notified& notified);
  void Dispatch(const Received& received);
  template <typename E, typename R>
  void Give(const E& event, R* role) {
    if constexpr (requires { role->On(event); }) {
      role->On(event);
    } else if constexpr (requires { role->On(event, &outbox_); }) {
      role->On(event, &outbox_);
    } else {
      static_assert(R::Ignores::template kHas<E>, "neither taken nor ignored by this role");
    }
  }

  // --- transitions
  void Enter();
  void FollowMemberships();
  void GoLooking() { role_.emplace<Looking>(&self_, election_.get()).Enter(&outbox_); }
  template <typename Term>
  void LeaveIfOver();
  void FollowRole();
  void Take(const Decision& decision);
  void EnterTerm(bool designated);
  Look LastLookOf(const MemberId& peer) const;
  void TellElected(const Vote& vote);

  // --- what others say, and are told, in elections
  bool TakeConfig(ServerId from, const Notification& n);
  void NoteWord(const LinkId& link, const Notification& n);
  void Answer(const Notified& notified);
  void AnswerAskers();
  void AnswerIfSettled(const Notified& notified);
  void Announce(const Role& now);
  void SettleIfServing(const Role& now);
  void Inform();
  bool LacksConfig(ServerId sid) const;

  // --- what is told of this peer, and checked
  Role role() const;
  void Report(const Role& now);
  void AddWorries(View* view) const;
  Marks TakeMarks(const Role& now) const;
  void CheckMarks(const Role& now);
  void StopIfBroken(size_t before, Effects* effects);

  Self self_;
  std::unique_ptr<Election> election_;
  std::variant<Founding, Looking, Learning, Leading> role_;
  bool entered_ = false;
  bool halted_ = false;
  Marks marks_;                // after the last step
  uint64_t told_changes_ = 0;  // of memberships, to the election
  // May have an older configuration; not told yet of the present one.
  std::set<ServerId> uninformed_;
  std::set<ServerId> askers_;  // no members; not answered while this peer only asks itself
  Outbox outbox_;
  Vote vote_;  // the last decision's, with the epoch once established
  Epoch settled_epoch_ = 0;
  std::optional<Role> reported_;
};

}  // namespace zkq::core
