// Leading's reads, by read-index (PROTOCOL §13.1): a round of pings that a quorum
// answers proves that this leader still led when the round began, so what was
// committed then may be read.
#include <utility>

#include "lib/core/leading.h"

namespace zkq::core {

void Leading::On(const ReadAsked& asked) {
  if (!attempt_.established()) {
    return Refuse(std::nullopt, asked.tags, RejectReason::kNoLeader);
  }
  rounds_.Ask({.tags = asked.tags});
  BeginRound();
}

void Leading::Handle(LearnerProgress* learner, const ReadIndex& ask) {
  if (!attempt_.established() || !learner->synced()) {
    return Refuse(learner->link(), ask.tags, RejectReason::kNoLeader);
  }
  rounds_.Ask({.asker = learner->link(), .session = learner->session(), .tags = ask.tags});
  BeginRound();
}

void Leading::BeginRound() {
  if (!rounds_.Wanted() || !attempt_.established()) return;
  rounds_.Begin(watch_.last_ping() + 1, self_.watermarks.commit);
  PingAll();
}

// A quorum has answered the pings up to `answered`.
void Leading::FinishRound(uint64_t answered) {
  if (!rounds_.running() || answered < rounds_.nonce()) return;
  for (const ReadRounds::Reads& reads : rounds_.Finish()) Answer(reads, rounds_.at());
  BeginRound();
}

void Leading::Answer(const ReadRounds::Reads& reads, Zxid at) {
  if (!reads.asker) {
    self_.Emit(AnswerReads{reads.tags, at});
    return;
  }
  LearnerProgress* learner = learners_.Find(*reads.asker);
  if (learner == nullptr || learner->session() != reads.session) return;
  learner->Pump();  // an observer may wait for what it has not been told yet
  learner->Send(ReadIndexReply{reads.tags, at});
}

void Leading::AbandonReads() {
  for (ReadRounds::Reads& reads : rounds_.Abandon()) {
    Refuse(reads.asker, std::move(reads.tags), RejectReason::kNoLeader);
  }
}

}  // namespace zkq::core
