// Leading, until its epoch is established: discovery and synchronisation
// (PROTOCOL §6.2, §7.1, §7.3), at the beginning of a term and in a renewal (§9.5).
//
//   FollowerInfo of a quorum   the epoch is fixed above all their promises
//   own promise durable        LeaderInfo to all
//   AckEpoch of a quorum       nobody who counts is ahead of this leader, so it holds
//                              all that is committed, and no other leader can get the
//                              epoch
//   own currentEpoch durable   and with it the whole initial history: each learner
//                              gets its plan, then NewLeader
//   Ack{e,0} of a quorum       established: the initial history is committed, and observers get
//                              their plans
//
// Establishment has the rules of counting. A learner that comes late goes through the
// same messages, and through no quorum. A renewal begins at the second line, in the
// sessions that live on.
#include <algorithm>
#include <set>
#include <utility>

#include "lib/base/texts.h"
#include "lib/core/leading.h"

namespace zkq::core {
namespace {

// A faulty voter must not be able to force renewals one after the other.
constexpr Time kRenewalInterval = std::chrono::seconds(60);

}  // namespace

// --- discovery -------------------------------------------------------------------

void Leading::OnFollowerInfo(const LinkId& link, const Session& session, const FollowerInfo& info) {
  Forget(link);  // A new session replaces the one before on the same link.
  const auto refuse = [&](SessionEndReason reason) {
    self_.SendTo(link, session, SessionEnd{reason});
  };
  const bool observes = info.kind == LearnerKind::kObserver;
  if (!observes && self_.PromiseIsAbsurd(info.accepted.epoch)) {
    self_.CountAsDown(link, "has promised epoch " + std::to_string(info.accepted.epoch));
    return refuse(SessionEndReason::kEpochAbsurd);
  }
  self_.links.CountAsUp(link.sid);
  if (IsBehindConfig(info)) {
    refuse(SessionEndReason::kAheadConfig);
    // It looks again, and is told of that configuration by then.
    if (!serving()) Resign("server " + ToString(link.sid) + " has a newer configuration");
    return;
  }
  // A voter learns as one, so that no observer ever has to be counted.
  const MemberId member = self_.links.MemberAt(link);
  if (observes && self_.quorum.IsVoter(member)) return refuse(SessionEndReason::kAttachAsFollower);
  if (!observes && info.accepted.epoch >= kEpochMax) {
    self_.Emit(DropLink{link, "a promise that no epoch can follow"});
    return;
  }
  LearnerProgress* learner = learners_.Add(link, session, info);
  if (!observes) attempt_.Connect(member, info.accepted.epoch, self_.now);
  if (attempt_.stage() != Stage::kConnecting) return SendLeaderInfo(learner);
  TryFixEpoch();
}

// What a learner knows to be committed is (PROTOCOL §6.2, §10.2).
bool Leading::IsBehindConfig(const FollowerInfo& info) {
  const std::optional<Membership>& pending = self_.memberships.configs().pending;
  if (!attempt_.established() && pending && info.config == pending->version) {
    self_.Adopt(Membership(*pending));
    if (!self_.votes()) Resign("the configuration has left this server out");
  }
  return info.config > self_.memberships.committed().version;
}

void Leading::TryFixEpoch() {
  if (attempt_.CanFixEpoch()) FixEpoch();
}

void Leading::FixEpoch() {
  ZKQ_CHECK(attempt_.stage() == Stage::kConnecting);
  ZKQ_CHECK(attempt_.lowest() > self_.state.accepted.epoch);
  self_.state.accepted = {attempt_.lowest(), self_.options.self, self_.state.boot};
  attempt_.FixEpoch(self_.StoreState());
}

void Leading::SendLeaderInfo(LearnerProgress* learner) {
  ZKQ_CHECK(learner != nullptr);
  if (attempt_.stage() == Stage::kPromising) return;  // The promise is not durable yet.
  const Epoch epoch = attempt_.epoch();
  if (learner->observes()) return learner->SendLeaderInfo({epoch, attempt_.discovered()});
  const Promise& given = learner->accepted();
  const bool votes = self_.quorum.IsVoter(learner->member());
  if (given.epoch > epoch) {
    // A learner that does not count does not steer the epoch.
    if (!votes) return EndSession(LinkId(learner->link()), SessionEndReason::kAttachAsObserver);
    return RefuseAhead(*learner, SessionEndReason::kEpochAhead);
  }
  const Promise mine{epoch, self_.options.self, self_.state.boot};
  // It promised this very epoch to somebody else; until the quorum is complete
  // that other may still get it. It waits here.
  if (given.epoch == epoch && given != mine && !attempt_.discovered()) {
    return CountOut(learner->member());
  }
  learner->SendLeaderInfo({epoch, attempt_.discovered()});
}

void Leading::SendLeaderInfos() {
  // SendLeaderInfo may end a session.
  for (const LinkId& link : learners_.At(LearnerProgress::Stage::kWaiting)) {
    SendLeaderInfo(learners_.Find(link));
  }
}

void Leading::RefuseAhead(const LearnerProgress& learner, SessionEndReason reason) {
  const MemberId voter = learner.member();
  ahead_epoch_ = std::max(ahead_epoch_, learner.accepted().epoch);
  EndSession(LinkId(learner.link()), reason);
  if (attempt_.established()) return ConsiderRenewal();
  CountOut(voter);
}

void Leading::CountOut(const MemberId& voter) {
  attempt_.CountOut(voter);
  if (attempt_.Hopeless()) Resign("too many voters cannot choose this leader");
}

void Leading::Handle(LearnerProgress* learner, const AckEpoch& ack) {
  if (!learner->Take(ack)) return EndSession(LinkId(learner->link()), SessionEndReason::kGap);
  // Before there is an established leader, less may be known committed here than an observer
  // has applied.
  if (learner->observes()) return attempt_.established() ? Synchronize(learner) : void();
  if (attempt_.discovered()) {
    if (attempt_.stage() != Stage::kStoring) Synchronize(learner);
    return;
  }
  const MemberId& member = learner->member();
  if (!ack.current || !self_.quorum.IsVoter(member)) return;  // It waits, and does not count.
  // INV-16. A voter that has more than this leader may hold what is committed: this
  // leader must not get its quorum with it (PROTOCOL §6.2).
  const auto mine = std::pair(self_.state.current, self_.history.last());
  if (std::pair(*ack.current, ack.last) > mine) {
    return RefuseAhead(*learner, SessionEndReason::kLeaderBehind);
  }
  attempt_.Promise(member, self_.now);
  TryFinishDiscovery();
}

void Leading::TryFinishDiscovery() {
  if (!attempt_.CanTakeEpoch()) return;
  self_.state.current = attempt_.epoch();
  attempt_.TakeEpoch(self_.StoreState());
  SendLeaderInfos();
}

void Leading::On(const Synced&) {
  if (attempt_.PromiseIsDurable(self_.writes.synced)) {
    SendLeaderInfos();
    TryFinishDiscovery();
  } else if (attempt_.EpochIsDurable(self_.writes.synced)) {
    // The whole initial history is durable too: the journal is first in, first out.
    SynchronizeAll();
    TryEstablish();
  }
  TryCommit();
  self_.Deliver();
  for (auto& [link, learner] : learners_.all()) learner.OnSynced();
}

// --- synchronisation ------------------------------------------------------------

void Leading::SynchronizeAll() {
  // Synchronize may end a session.
  for (const LinkId& link : learners_.At(LearnerProgress::Stage::kPromised)) {
    LearnerProgress* learner = learners_.Find(link);
    if (attempt_.established() || !learner->observes()) Synchronize(learner);
  }
}

void Leading::Synchronize(LearnerProgress* learner) {
  ZKQ_CHECK(learner != nullptr && attempt_.stage() > Stage::kStoring);
  const SyncPlan plan = learner->Plan();
  if (learner->observes() && !learner->planned() && !learners_.TakesMore(plan.kind)) {
    return EndSession(LinkId(learner->link()), SessionEndReason::kBusy);
  }
  if (learner->Synchronize(plan)) return;
  const ServerId sid = learner->link().sid;
  self_.Tell(
      Line::kCannotSynchronise,
      "server " + ToString(sid) + ": neither the log nor a snapshot reaches back to its history",
      sid);
  EndSession(LinkId(learner->link()), SessionEndReason::kGap);
}

void Leading::On(const LogRead& read) {
  LearnerProgress* learner = learners_.Find(read.learner);
  if (learner == nullptr || learner->session() != read.session) return;
  if (!learner->TakePage(read.txns)) EndSession(read.learner, SessionEndReason::kGap);
}

void Leading::TryEstablish() {
  if (!attempt_.TryEstablish()) return;
  established_ = attempt_.epoch();
  admission_.BeginEpoch(established_);
  // A quorum holds the whole initial history durably under this epoch. So a reconfiguration in it
  // is committed, and may have left this leader out.
  const Membership before = self_.memberships.committed();
  self_.Commit(self_.history.last());
  self_.DecideCalls(session_);
  Activate(before);
  if (left_) return;
  for (auto& [link, learner] : learners_.all()) {
    if (learner.synced()) learner.SendUpToDate();
  }
  SynchronizeAll();  // Observers have waited for this.
  AskOwnChanges();
  for (Submission& waiting : admission_.Resume()) Proceed(std::move(waiting));
  std::set<ServerId> members = {self_.options.self};
  for (const MemberId& member : learners_.Synced()) members.insert(member.id);
  self_.Tell(Line::kLeads, "epoch " + std::to_string(established_) +
                               " is established, with servers " + ServersText(members));
}

// --- renewal --------------------------------------------------------------------

// A voter that promised a higher epoch refuses every leader of this one for ever:
// a silent loss of redundancy. A higher epoch lets it in again.
void Leading::ConsiderRenewal() {
  const std::optional<Time>& last = self_.terms.last_renewal;
  if (last && self_.now - *last < kRenewalInterval) return;
  StartRenewal("a voter has promised epoch " + std::to_string(ahead_epoch_));
}

void Leading::StartRenewal(std::string why) {
  if (admission_.paused_for() || !attempt_.established()) return;
  self_.Tell(Line::kRenewsEpoch, std::move(why));
  admission_.PauseFor(Admission::Pause::kRenewal);
  self_.terms.last_renewal = self_.now;
  RenewIfDrained();
}

void Leading::RenewIfDrained() {
  if (attempt_.established() && admission_.paused_for() && admission_.drained()) Renew();
}

void Leading::Renew() {
  const Epoch highest = std::max(established_, ahead_epoch_);
  if (highest >= kEpochMax) {
    self_.halt = Halt{"the epochs are exhausted"};
    return;
  }
  AbandonReads();
  admission_.DropAll();
  attempt_ = NewAttempt(highest + 1);
  std::vector<LinkId> not_synced;
  for (auto& [link, learner] : learners_.all()) {
    if (learner.synced() && !learner.observes()) {
      learner.Renew();
    } else {
      not_synced.push_back(link);
    }
  }
  for (const LinkId& link : not_synced) EndSession(link, SessionEndReason::kTimeout);
  FixEpoch();
}

}  // namespace zkq::core
