#include "lib/core/leading.h"

#include <utility>

namespace zkq::core {

Leading::Leading(Self* self, std::map<ServerId, Look> looks)
    : self_(*self),
      session_(++self->sessions),
      attempt_(NewAttempt(self->state.accepted.epoch + 1, std::move(looks))),
      admission_({.command_bytes_max = self->options.max_command_bytes,
                  .outstanding_bytes_max = self->options.outstanding_bytes_max}) {}

Establishment Leading::NewAttempt(Epoch lowest, std::map<ServerId, Look> looks) const {
  return {{.self = self_.options.self,
           .lowest = lowest,
           .init_limit = self_.Ticks(self_.options.init_limit),
           .looks = std::move(looks)},
          &self_.quorum,
          self_.now};
}

void Leading::Enter() {
  if (self_.state.accepted.epoch >= kEpochMax) {
    self_.halt = "the epochs are exhausted";
    return;
  }
  next_ping_ = self_.now + self_.options.tick / 2;
  disk_advanced_ = self_.now;
  TryFixEpoch();
}

void Leading::Leave() {
  AbandonReads();
  for (auto& [link, learner] : learners_) {
    learner.Send(SessionEnd{SessionEndReason::kResign});
  }
  learners_.clear();
  for (const Submission& waiting : admission_.Resume()) {
    if (!waiting.asker) Refuse(std::nullopt, TagsOf(waiting.calls), RejectReason::kNoLeader);
  }
}

ZabPhase Leading::phase() const {
  if (!attempt_.discovered()) return ZabPhase::kDiscovery;
  return attempt_.established() ? ZabPhase::kBroadcast : ZabPhase::kSynchronization;
}

// --- learners ----------------------------------------------------------------------

LearnerProgress* Leading::Find(const LinkId& link) {
  const auto found = learners_.find(link);
  return found == learners_.end() ? nullptr : &found->second;
}

std::vector<LinkId> Leading::LearnersAt(LearnerProgress::Stage stage) const {
  std::vector<LinkId> links;
  for (const auto& [link, learner] : learners_) {
    if (learner.stage() == stage) links.push_back(link);
  }
  return links;
}

std::set<ServerId> Leading::SyncedLearners() const {
  std::set<ServerId> synced;
  for (const auto& [link, learner] : learners_) {
    if (learner.synced()) synced.insert(link.sid);
  }
  return synced;
}

Zxid Leading::PinnedAfter() const {
  Zxid pinned = self_.history.last();
  for (const auto& [link, learner] : learners_) {
    pinned = std::min(pinned, learner.PinnedAfter().value_or(pinned));
  }
  return pinned;
}

void Leading::EndSession(const LinkId& link, SessionEndReason reason) {
  LearnerProgress* learner = Find(link);
  if (learner == nullptr) return;
  learner->Send(SessionEnd{reason});
  Forget(link);
}

void Leading::DropLinkOf(const LinkId& link, std::string why) {
  Forget(link);
  self_.Emit(DropLink{link, std::move(why)});
}

void Leading::Forget(const LinkId& link) {
  if (learners_.erase(link) == 0) return;
  admission_.Drop(link);
  attempt_.Leave(link.sid);
}

void Leading::On(const LinkDown& down) { Forget(down.link); }

void Leading::On(const Received& received) {
  const Message& message = received.message;
  if (const auto* info = std::get_if<FollowerInfo>(&message.body)) {
    return OnFollowerInfo(received.link, message.session, *info);
  }
  LearnerProgress* learner = Find(received.link);
  if (learner == nullptr || learner->session().number != message.session.number) return;
  // A renewal changes the epoch under a session; calls go on in it.
  const bool calls = std::holds_alternative<Request>(message.body) ||
                     std::holds_alternative<ReadIndex>(message.body);
  if (!calls && learner->session().epoch != message.session.epoch) return;
  learner->NoteFrame();
  std::visit([&](const auto& body) { Handle(learner, body); }, message.body);
}

template <typename Other>
void Leading::Handle(LearnerProgress* learner, const Other&) {
  DropLinkOf(LinkId(learner->link()), "a leader's message sent to a leader");
}

void Leading::Handle(LearnerProgress* learner, const SessionEnd&) {
  Forget(LinkId(learner->link()));
}

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
  LearnerProgress& learner = learners_.try_emplace(link, &self_, link, session, info).first->second;
  attempt_.Connect(link.sid, info.accepted.epoch, self_.now);
  if (attempt_.stage() != Stage::kConnecting) return SendLeaderInfo(&learner);
  TryFixEpoch();
}

void Leading::TryFixEpoch() {
  if (attempt_.CanFixEpoch()) FixEpoch();
}

void Leading::FixEpoch() {
  self_.state.accepted = {attempt_.lowest(), self_.options.self, self_.state.boot};
  attempt_.FixEpoch(self_.StoreState());
}

void Leading::SendLeaderInfo(LearnerProgress* learner) {
  if (attempt_.stage() == Stage::kPromising) return;  // The promise is not durable yet.
  const Epoch epoch = attempt_.epoch();
  const Promise& given = learner->accepted();
  if (given.epoch > epoch) return RefuseAhead(*learner, SessionEndReason::kEpochAhead);
  const Promise mine{epoch, self_.options.self, self_.state.boot};
  // It promised this very epoch to somebody else; until the quorum is complete
  // that other may still get it. It waits here.
  if (given.epoch == epoch && given != mine && !attempt_.discovered()) {
    return CountOut(learner->link().sid);
  }
  learner->SendLeaderInfo({epoch, attempt_.discovered()});
}

void Leading::SendLeaderInfos() {
  // SendLeaderInfo may end a session.
  for (const LinkId& link : LearnersAt(LearnerProgress::Stage::kWaiting)) {
    SendLeaderInfo(Find(link));
  }
}

void Leading::RefuseAhead(const LearnerProgress& learner, SessionEndReason reason) {
  const LinkId link = learner.link();
  ahead_epoch_ = std::max(ahead_epoch_, learner.accepted().epoch);
  EndSession(link, reason);
  if (attempt_.established()) return ConsiderRenewal();
  CountOut(link.sid);
}

void Leading::CountOut(ServerId voter) {
  attempt_.CountOut(voter);
  if (attempt_.Hopeless()) Resign("too many voters cannot choose this leader");
}

void Leading::Handle(LearnerProgress* learner, const AckEpoch& ack) {
  if (!learner->Take(ack)) return EndSession(LinkId(learner->link()), SessionEndReason::kGap);
  if (attempt_.discovered()) {
    if (attempt_.stage() != Stage::kStoring) Synchronize(learner);
    return;
  }
  // INV-16. A learner that counts and has more than this leader may hold what is
  // committed: this leader must not get its quorum with it (PROTOCOL §6.2).
  const auto mine = std::pair(self_.state.current, self_.history.last());
  if (ack.current && std::pair(*ack.current, ack.last) > mine) {
    return RefuseAhead(*learner, SessionEndReason::kLeaderBehind);
  }
  if (ack.current) attempt_.Promise(learner->link().sid, self_.now);
  TryFinishDiscovery();
}

void Leading::TryFinishDiscovery() {
  if (!attempt_.CanTakeEpoch()) return;
  self_.state.current = attempt_.epoch();
  attempt_.TakeEpoch(self_.StoreState());
  SendLeaderInfos();
}

void Leading::On(const Synced&) {
  if (attempt_.PromiseIsDurable(self_.synced)) {
    SendLeaderInfos();
    TryFinishDiscovery();
  } else if (attempt_.EpochIsDurable(self_.synced)) {
    // The whole initial history is durable too: the journal is first in, first out.
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
  // Synchronize may end a session.
  for (const LinkId& link : LearnersAt(LearnerProgress::Stage::kPromised)) {
    Synchronize(Find(link));
  }
}

void Leading::Synchronize(LearnerProgress* learner) {
  if (learner->Synchronize()) return;
  self_.Tell(Note::Level::kError, "server " + ToString(learner->link().sid) +
                                      " cannot be synchronised: neither the log nor a snapshot "
                                      "reaches back to its history");
  EndSession(LinkId(learner->link()), SessionEndReason::kGap);
}

void Leading::On(const LogRead& read) {
  LearnerProgress* learner = Find(read.learner);
  if (learner == nullptr || learner->session() != read.session) return;
  if (!learner->TakePage(read.txns)) return EndSession(read.learner, SessionEndReason::kGap);
  TellCommit(learner);
}

void Leading::TryEstablish() {
  if (!attempt_.TryEstablish()) return;
  established_ = attempt_.epoch();
  admission_.BeginEpoch(established_);
  // A quorum holds the whole initial history durably under this epoch.
  self_.Commit(self_.history.last());
  self_.DecideCalls(session_);
  for (auto& [link, learner] : learners_) {
    if (learner.synced()) learner.SendUpToDate();
  }
  for (Submission& waiting : admission_.Resume()) Proceed(std::move(waiting));
}

}  // namespace zkq::core
