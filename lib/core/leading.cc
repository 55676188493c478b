// Leading as a role: how it begins and ends, its learners, and where each message
// goes.
//
// A learner exists from its FollowerInfo until its session ends, from either side:
// EndSession tells it, Forget is silent, DropLinkOf also ends the link. All three
// come to Forget, and whatever else knows of sessions hears of it there. A handler
// that may end a session does not use the learner afterwards.
#include "lib/core/leading.h"

#include <algorithm>
#include <utility>

namespace zkq::core {

Leading::Leading(Self* self, bool designated)
    : self_(*self),
      session_(++self->terms.sessions),
      attempt_(NewAttempt(self->state.accepted.epoch + 1, designated)),
      learners_(self),
      admission_({.command_bytes_max = self->options.max_command_bytes,
                  .outstanding_bytes_max = self->options.outstanding_bytes_max},
                 &self->invariants()),
      watch_(self->options.tick, self->Ticks(self->options.sync_limit), self->now) {}

Establishment Leading::NewAttempt(Epoch lowest, bool designated) const {
  return {{.self = self_.me(),
           .lowest = lowest,
           .init_limit = self_.Ticks(self_.options.init_limit),
           .last_words = self_.last_words,
           .designated = designated},
          &self_.quorum,
          self_.now};
}

void Leading::Enter() {
  if (self_.state.accepted.epoch >= kEpochMax) {
    self_.halt = Halt{"the epochs are exhausted"};
    return;
  }
  TryFixEpoch();
}

void Leading::Leave() {
  AbandonReads();
  for (auto& [link, learner] : learners_.all()) {
    learner.Send(SessionEnd{SessionEndReason::kResign});
  }
  learners_.all().clear();
}

ZabPhase Leading::phase() const {
  if (!attempt_.discovered()) return ZabPhase::kDiscovery;
  return attempt_.established() ? ZabPhase::kBroadcast : ZabPhase::kSynchronization;
}

void Leading::Mark(Marks* marks) const {
  const Promise mine{attempt_.epoch(), self_.options.self, self_.state.boot};
  marks->listed = self_.votes();
  marks->counted = true;
  marks->promised = self_.state.accepted == mine;
  marks->promise_told = attempt_.stage() > Stage::kPromising;
  marks->epoch_told = attempt_.stage() > Stage::kStoring;
}

// --- learners ----------------------------------------------------------------------

void Leading::EndSession(const LinkId& link, SessionEndReason reason) {
  LearnerProgress* learner = learners_.Find(link);
  if (learner == nullptr) return;
  learner->Send(SessionEnd{reason});
  Forget(link);
}

void Leading::DropLinkOf(const LinkId& link, std::string why) {
  Forget(link);
  self_.Emit(DropLink{link, std::move(why)});
}

void Leading::Forget(const LinkId& link) {
  const LearnerProgress* learner = learners_.Find(link);
  if (learner == nullptr) return;
  attempt_.Leave(learner->member());
  learners_.Remove(link);
  admission_.Drop(link);
  changes_.Drop(link);
}

void Leading::On(const LinkDown& down) { Forget(down.link); }

void Leading::On(const Received& received) {
  const Message& message = received.message;
  if (const auto* info = std::get_if<FollowerInfo>(&message.body)) {
    return OnFollowerInfo(received.link, message.session, *info);
  }
  LearnerProgress* learner = learners_.Find(received.link);
  if (learner == nullptr || learner->session().number != message.session.number) return;
  // A renewal changes the epoch under a session. It drops what was sent before, and the learner
  // knows that of writes; reads are answered, and changes of the configuration go on.
  const bool goes_on = std::holds_alternative<Reconfigure>(message.body) ||
                       std::holds_alternative<ReadIndex>(message.body);
  if (!goes_on && learner->session().epoch != message.session.epoch) return;
  learner->NoteFrame();
  std::visit([&](const auto& body) { Handle(learner, body); }, message.body);
}

void Leading::On(const PartReceived& part) {
  if (LearnerProgress* learner = learners_.Find(part.link)) learner->NotePart(part.bytes);
}

template <typename Other>
void Leading::Handle(LearnerProgress* learner, const Other&) {
  DropLinkOf(LinkId(learner->link()), "a leader's message sent to a leader");
}

void Leading::Handle(LearnerProgress* learner, const SessionEnd&) {
  Forget(LinkId(learner->link()));
}

}  // namespace zkq::core
