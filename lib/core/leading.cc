#include "lib/core/leading.h"

#include <algorithm>

namespace zkq::core {

Leading::Leading(Self* self, std::map<ServerId, Look> looks)
    : self_(*self), looks_(std::move(looks)), session_(++self->sessions), entered_(self->now) {}

void Leading::Enter() {
  if (self_.state.accepted.epoch >= kEpochMax) {
    self_.halt = "the epochs are exhausted";
    return;
  }
  candidate_ = self_.state.accepted.epoch + 1;
  connecting_.insert(self_.options.self);
  next_ping_ = self_.now + self_.options.tick / 2;
  disk_advanced_ = self_.now;
  Progress();
  TryFixEpoch();
}

void Leading::Leave() {
  AbandonReads();
  for (const auto& [link, learner] : learners_) {
    self_.SendTo(link, learner.session, SessionEnd{SessionEndReason::kResign});
  }
  learners_.clear();
  for (const Asked& asked : deferred_) {
    if (!asked.asker) Refuse(std::nullopt, TagsOf(asked.calls), RejectReason::kNoLeader);
  }
}

ZabPhase Leading::phase() const {
  if (stage_ < Stage::kStoring) return ZabPhase::kDiscovery;
  return stage_ == Stage::kBroadcast ? ZabPhase::kBroadcast : ZabPhase::kSynchronization;
}

Learner* Leading::Find(const LinkId& link) {
  const auto found = learners_.find(link);
  return found == learners_.end() ? nullptr : &found->second;
}

void Leading::EndSession(const LinkId& link, SessionEndReason reason) {
  const Learner* learner = Find(link);
  if (learner == nullptr) return;
  self_.SendTo(link, learner->session, SessionEnd{reason});
  Forget(link);
}

// A learner that leaves counts no longer for a set that is still open. One that
// is complete stays: what it stands for has happened.
void Leading::Forget(const LinkId& link) {
  if (learners_.erase(link) == 0) return;
  // Its calls are dropped with the session: the learner decides them by what is in
  // the history of the next one, so none may come into it later.
  std::erase_if(deferred_, [&](const Asked& asked) {
    if (asked.asker != link) return false;
    for (const Call& call : asked.calls) outstanding_bytes_ -= call.command.size();
    return true;
  });
  if (stage_ == Stage::kConnecting) connecting_.erase(link.sid);
  if (!Discovered()) electing_.erase(link.sid);
}

void Leading::Progress() { give_up_at_ = self_.now + self_.Ticks(self_.options.init_limit); }

// One that leaves and comes again brings nothing nearer: it must not keep a leader
// that no quorum can follow from giving up.
void Leading::Progress(ServerId voter) {
  if (moved_on_.insert({stage_, voter}).second) Progress();
}

void Leading::On(const LinkDown& down) { Forget(down.link); }

void Leading::On(const Received& received) {
  const Message& message = received.message;
  if (const auto* info = std::get_if<FollowerInfo>(&message.body)) {
    return OnFollowerInfo(received.link, message.session, *info);
  }
  Learner* learner = Find(received.link);
  if (learner == nullptr || learner->session.number != message.session.number) return;
  // A renewal changes the epoch under a session; calls go on in it.
  const bool calls = std::holds_alternative<Request>(message.body) ||
                     std::holds_alternative<ReadIndex>(message.body);
  if (!calls && learner->session.epoch != message.session.epoch) return;
  learner->heard = self_.now;
  if (learner->step == Learner::Step::kSynced) {
    learner->deadline = self_.now + self_.Ticks(self_.options.sync_limit);
  }
  std::visit([&](const auto& body) { Handle(learner, body); }, message.body);
}

template <typename Other>
void Leading::Handle(Learner* learner, const Other&) {
  const LinkId link = learner->link;
  Forget(link);
  self_.Emit(DropLink{link, "a leader's message sent to a leader"});
}

void Leading::Handle(Learner* learner, const SessionEnd&) { Forget(LinkId(learner->link)); }

// --- discovery -------------------------------------------------------------------

void Leading::OnFollowerInfo(const LinkId& link, const Session& session, const FollowerInfo& info) {
  Forget(link);  // A new session replaces the one before on the same link.
  if (info.config > self_.state.config.version) {
    self_.SendTo(link, session, SessionEnd{SessionEndReason::kAheadConfig});
    return;
  }
  if (info.accepted.epoch >= kEpochMax) {
    self_.Emit(DropLink{link, "a promise that no epoch can follow"});
    return;
  }
  looking_.erase(link.sid);
  Learner& learner = learners_.try_emplace(link, link, session, info).first->second;
  learner.heard = self_.now;
  learner.deadline = self_.now + self_.Ticks(self_.options.init_limit + self_.options.sync_limit);
  if (stage_ != Stage::kConnecting) return Inform(&learner);
  candidate_ = std::max(candidate_, info.accepted.epoch + 1);
  if (self_.quorum.IsVoter(link.sid) && connecting_.insert(link.sid).second) Progress(link.sid);
  TryFixEpoch();
}

void Leading::TryFixEpoch() {
  if (stage_ != Stage::kConnecting || !self_.quorum.Contains(connecting_)) return;
  epoch_ = candidate_;
  self_.state.accepted = {epoch_, self_.options.self, self_.state.boot};
  write_ = self_.StoreState();
  stage_ = Stage::kPromising;
}

void Leading::Inform(Learner* learner) {
  if (stage_ == Stage::kPromising) return;  // The promise is not durable yet.
  const Promise& given = learner->info.accepted;
  if (given.epoch > epoch_) return RefuseAhead(*learner, SessionEndReason::kEpochAhead);
  const Promise mine{epoch_, self_.options.self, self_.state.boot};
  // It promised this very epoch to somebody else; until the quorum is complete
  // that other may still get it. It waits here.
  if (given.epoch == epoch_ && given != mine && !Discovered()) return CountOut(learner->link.sid);
  self_.SendTo(learner->link, learner->session, LeaderInfo{epoch_, Discovered()});
  learner->session.epoch = epoch_;
  learner->step = Learner::Step::kInformed;
}

void Leading::InformAll() {
  std::vector<LinkId> waiting;  // Inform may end a session.
  for (const auto& [link, learner] : learners_) {
    if (learner.step == Learner::Step::kWaiting) waiting.push_back(link);
  }
  for (const LinkId& link : waiting) Inform(Find(link));
}

void Leading::RefuseAhead(const Learner& learner, SessionEndReason reason) {
  const LinkId link = learner.link;
  ahead_epoch_ = std::max(ahead_epoch_, learner.info.accepted.epoch);
  EndSession(link, reason);
  if (stage_ == Stage::kBroadcast) return ConsiderRenewal();
  CountOut(link.sid);
}

void Leading::CountOut(ServerId voter) {
  counted_out_.insert(voter);
  std::set<ServerId> others = self_.quorum.Voters();
  for (ServerId sid : counted_out_) others.erase(sid);
  if (!self_.quorum.Contains(others)) Resign("too many voters cannot choose this leader");
}

void Leading::Handle(Learner* learner, const AckEpoch& ack) {
  if (learner->step != Learner::Step::kInformed && learner->step != Learner::Step::kInstalling) {
    return EndSession(LinkId(learner->link), SessionEndReason::kGap);
  }
  learner->ack = ack;
  learner->step = Learner::Step::kPromised;
  if (Discovered()) {
    if (stage_ != Stage::kStoring) Synchronize(learner);
    return;
  }
  // INV-16. A learner that counts and has more than this leader may hold what is
  // committed: this leader must not get its quorum with it (PROTOCOL §6.2).
  const auto mine = std::pair(self_.state.current, self_.history.last());
  if (ack.current && std::pair(*ack.current, ack.last) > mine) {
    return RefuseAhead(*learner, SessionEndReason::kLeaderBehind);
  }
  const ServerId sid = learner->link.sid;
  if (ack.current && self_.quorum.IsVoter(sid) && electing_.insert(sid).second) Progress(sid);
  TryFinishDiscovery();
}

void Leading::TryFinishDiscovery() {
  if (stage_ != Stage::kElecting || !electing_.contains(self_.options.self) ||
      !self_.quorum.Contains(electing_)) {
    return;
  }
  self_.state.current = epoch_;
  write_ = self_.StoreState();
  stage_ = Stage::kStoring;
  InformAll();
}

void Leading::On(const Synced&) {
  if (stage_ == Stage::kPromising && self_.Durable(write_)) {
    stage_ = Stage::kElecting;
    electing_.insert(self_.options.self);
    InformAll();
    TryFinishDiscovery();
  } else if (stage_ == Stage::kStoring && self_.Durable(write_)) {
    // Behind it lies the whole initial history: the journal is first in, first out.
    stage_ = Stage::kSynchronizing;
    accepted_.insert(self_.options.self);
    SynchronizeAll();
    TryEstablish();
  }
  TryCommit();
  self_.Deliver();
  // What has left memory is read from the disk, once it is there.
  for (auto& [at, learner] : learners_) Pump(&learner);
}

// --- synchronisation ------------------------------------------------------------

void Leading::SynchronizeAll() {
  std::vector<LinkId> ready;  // Synchronize may end a session.
  for (const auto& [link, learner] : learners_) {
    if (learner.step == Learner::Step::kPromised) ready.push_back(link);
  }
  for (const LinkId& link : ready) Synchronize(Find(link));
}

void Leading::Synchronize(Learner* learner) {
  if (learner->Plan(&self_)) return;
  self_.Tell(Note::Level::kError, "server " + ToString(learner->link.sid) +
                                      " cannot be synchronised: neither the log nor a snapshot "
                                      "reaches back to its history");
  EndSession(LinkId(learner->link), SessionEndReason::kGap);
}

void Leading::On(const LogRead& read) {
  Learner* learner = Find(read.learner);
  if (learner == nullptr || learner->session != read.session) return;
  if (!learner->Feed(&self_, read.txns)) return EndSession(read.learner, SessionEndReason::kGap);
  SendCommit(learner);
}

void Leading::TryEstablish() {
  if (stage_ != Stage::kSynchronizing || !self_.quorum.Contains(accepted_) ||
      !accepted_.contains(self_.options.self)) {
    return;
  }
  stage_ = Stage::kBroadcast;
  renewing_ = false;
  established_ = epoch_;
  counter_ = 0;
  outstanding_.clear();
  outstanding_bytes_ = 0;
  // A quorum holds the whole initial history durably under this epoch.
  self_.Commit(self_.history.last());
  self_.DecideCalls(session_);
  for (auto& [link, learner] : learners_) {
    if (learner.step == Learner::Step::kSynced) SendUpToDate(&learner);
  }
  for (const Asked& asked : std::exchange(deferred_, {})) Admit(asked);
}

void Leading::SendUpToDate(Learner* learner) {
  learner->commit_sent = std::min(self_.commit, learner->sent);
  self_.SendTo(learner->link, learner->session, zkq::UpToDate{learner->commit_sent});
}

Zxid Leading::PinnedAfter() const {
  Zxid pinned = self_.history.last();
  for (const auto& [link, learner] : learners_) {
    if (learner.step == Learner::Step::kInstalling) pinned = std::min(pinned, learner.snapshot);
    if (learner.step >= Learner::Step::kFeeding) pinned = std::min(pinned, learner.sent);
  }
  return pinned;
}

}  // namespace zkq::core
