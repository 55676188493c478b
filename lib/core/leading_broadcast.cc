#include <algorithm>
#include <utility>

#include "lib/core/leading.h"
#include "zkq/wire.h"

namespace zkq::core {

// --- proposals -------------------------------------------------------------------

void Leading::On(const Proposed& proposed) {
  if (!serving()) return self_.RefuseWithoutLeader(proposed);
  Admit({.origin = {.sid = self_.options.self, .boot = self_.state.boot}, .calls = proposed.calls});
}

void Leading::Handle(Learner* learner, const Request& request) {
  const LinkId& link = learner->link;
  if (!serving()) return Refuse(link, TagsOf(request.calls), RejectReason::kNoLeader);
  Admit({.asker = link, .origin = {.sid = link.sid, .boot = link.boot}, .calls = request.calls});
}

void Leading::Refuse(const std::optional<LinkId>& asker, std::vector<uint64_t> tags,
                     RejectReason reason) {
  if (tags.empty()) return;
  if (!asker) {
    for (uint64_t tag : tags) self_.outcomes.Refused(tag);
    return self_.RejectCalls(std::move(tags), reason);
  }
  if (const Learner* learner = Find(*asker)) {
    self_.SendTo(*asker, learner->session, Refusal{std::move(tags), reason});
  }
}

void Leading::Admit(Submission submission) {
  Admission::Verdict verdict = admission_.Judge(std::move(submission));
  const std::optional<LinkId>& asker = verdict.admitted.asker;
  for (auto& [reason, tags] : verdict.refused) Refuse(asker, std::move(tags), reason);
  if (verdict.admitted.calls.empty()) return;
  if (!asker) {
    for (const Call& call : verdict.admitted.calls) self_.outcomes.Sent(call.tag, session_);
  }
  Proceed(std::move(verdict.admitted));
}

void Leading::Proceed(Submission admitted) {
  if (admission_.paused_for()) return admission_.Wait(std::move(admitted));
  Extend(admitted);
  if (admission_.counter() >= self_.options.rollover_counter) {
    StartRenewal("the epoch's counter runs out");
  }
}

void Leading::Extend(const Submission& admitted) {
  const int64_t leader_time =
      std::max(self_.history.last_leader_time(), self_.options.wall_at_start + self_.now.count());
  std::vector<Txn> txns;
  size_t bytes = 0;
  Zxid prev = self_.history.last();
  for (const Call& call : admitted.calls) {
    Origin origin = admitted.origin;
    origin.call = call.tag;
    const Zxid zxid = admission_.Number(call);
    txns.push_back(
        EncodeTxn(zxid, prev, TxnKind::kCommand, origin, leader_time, call.command.view()));
    prev = zxid;
    bytes += txns.back().encoded.size();
    if (bytes < kProposalBytesMax) continue;
    Propose(std::exchange(txns, {}));
    bytes = 0;
  }
  if (!txns.empty()) Propose(std::move(txns));
}

void Leading::Propose(std::vector<Txn> txns) {
  const Zxid before = self_.history.last();
  self_.Append(txns);
  std::vector<LinkId> direct;
  std::vector<Learner*> behind;
  for (auto& [link, learner] : learners_) {
    if (learner.UpToDate(before, self_.options.credit_bytes)) {
      if (learner.match == before) learner.advanced = self_.now;
      learner.Fed(txns);
      direct.push_back(link);
    } else if (learner.step >= Learner::Step::kAccepting) {
      behind.push_back(&learner);
    }
  }
  if (!direct.empty()) {
    self_.Emit(Send{std::move(direct), Message{ToAll(), Proposal{std::move(txns)}}});
  }
  for (Learner* learner : behind) Pump(learner);
}

// --- commits ----------------------------------------------------------------------

void Leading::Handle(Learner* learner, const Ack& ack) {
  const bool accepts = ack.zxid == Zxid{attempt_.epoch(), 0};
  if (accepts && learner->step == Learner::Step::kAccepting) return OnAccepted(learner);
  // Sent before it heard of the renewal; what it holds it will tell in AckEpoch.
  if (serving() && learner->step == Learner::Step::kWaiting) return;
  if (learner->step != Learner::Step::kSynced || ack.zxid < learner->match ||
      ack.zxid > learner->sent) {
    const LinkId link = learner->link;
    Forget(link);
    self_.Emit(DropLink{link, "an acknowledgement of what was never sent"});
    return;
  }
  learner->match = ack.zxid;
  learner->advanced = self_.now;
  learner->Returned(ack.zxid);
  Pump(learner);
  TryCommit();
}

void Leading::OnAccepted(Learner* learner) {
  learner->step = Learner::Step::kSynced;
  learner->match = learner->target;
  learner->advanced = self_.now;
  learner->deadline = self_.now + self_.Ticks(self_.options.sync_limit);
  learner->Returned(learner->target);
  attempt_.Accept(learner->link.sid, self_.now);
  if (attempt_.established()) {
    SendUpToDate(learner);
    Pump(learner);
    TryCommit();
  } else {
    TryEstablish();
  }
}

void Leading::TryCommit() {
  if (!attempt_.established()) return;
  std::map<ServerId, Zxid> held{{self_.options.self, self_.history.durable()}};
  for (const auto& [link, learner] : learners_) {
    if (learner.step == Learner::Step::kSynced) held[link.sid] = learner.match;
  }
  // Only what this epoch proposed is counted; what came before is committed since
  // the term was established.
  const Zxid known = self_.quorum.Held(held);
  if (known <= self_.commit || known.epoch != established_) return;
  self_.Commit(known);
  admission_.Committed(known);
  SendCommits();
  if (admission_.paused_for() && admission_.drained()) Renew();
}

// A learner that was behind hears of a commit with what it commits, which may come
// long after the last one.
void Leading::Pump(Learner* learner) {
  learner->Pump(&self_);
  SendCommit(learner);
}

void Leading::SendCommit(Learner* learner) {
  const Zxid known = std::min(self_.commit, learner->sent);
  const bool told = learner->step != Learner::Step::kSynced || known <= learner->commit_sent;
  if (told || !attempt_.established()) return;
  learner->commit_sent = known;
  self_.SendTo(learner->link, learner->session, zkq::Commit{known});
}

void Leading::SendCommits() {
  std::vector<LinkId> up_to_date;
  for (auto& [link, learner] : learners_) {
    if (learner.step != Learner::Step::kSynced || learner.sent < self_.commit) {
      SendCommit(&learner);
    } else if (learner.commit_sent < self_.commit) {
      learner.commit_sent = self_.commit;
      up_to_date.push_back(link);
    }
  }
  if (up_to_date.empty()) return;
  self_.Emit(Send{std::move(up_to_date), Message{ToAll(), zkq::Commit{self_.commit}}});
}

// --- reads ------------------------------------------------------------------------

void Leading::On(const ReadAsked& asked) {
  if (!attempt_.established()) {
    return Refuse(std::nullopt, asked.tags, RejectReason::kNoLeader);
  }
  rounds_.Ask({.tags = asked.tags});
  BeginRound();
}

void Leading::Handle(Learner* learner, const ReadIndex& ask) {
  if (!attempt_.established() || learner->step != Learner::Step::kSynced) {
    return Refuse(learner->link, ask.tags, RejectReason::kNoLeader);
  }
  rounds_.Ask({.asker = learner->link, .session = learner->session, .tags = ask.tags});
  BeginRound();
}

void Leading::BeginRound() {
  if (!rounds_.Wanted() || !attempt_.established()) return;
  rounds_.Begin(ping_seq_ + 1, self_.commit);
  PingAll();
  CheckRound();
}

void Leading::Handle(Learner* learner, const Pong& pong) {
  learner->ponged = std::max(learner->ponged, std::min(pong.seq, ping_seq_));
  learner->Returned(std::min(pong.durable, learner->sent));
  NoteSyncProgress(learner, pong);
  Pump(learner);
  CheckRound();
}

// A large snapshot or log may take its time: a learner is given up for standing
// still, not for being slow (PROTOCOL §7.2; ZOOKEEPER-1697).
void Leading::NoteSyncProgress(Learner* learner, const Pong& pong) {
  const bool installs = learner->step == Learner::Step::kInstalling && pong.installing;
  const bool grows =
      (learner->step == Learner::Step::kFeeding || learner->step == Learner::Step::kAccepting) &&
      pong.durable > learner->durable;
  learner->durable = pong.durable;
  if (!installs && !grows) return;
  learner->deadline = self_.now + self_.Ticks(self_.options.init_limit);
  if (!attempt_.established() && self_.quorum.IsVoter(learner->link.sid)) {
    attempt_.NoteProgress(self_.now);
  }
}

void Leading::CheckRound() {
  if (!rounds_.running() || !attempt_.established()) return;
  std::set<ServerId> heard{self_.options.self};
  for (const auto& [link, learner] : learners_) {
    // Only a session past its Ack of NewLeader speaks for this epoch.
    if (learner.step == Learner::Step::kSynced && learner.ponged >= rounds_.nonce()) {
      heard.insert(link.sid);
    }
  }
  if (!self_.quorum.Contains(heard)) return;
  for (const ReadRounds::Reads& reads : rounds_.Finish()) Answer(reads, rounds_.at());
  BeginRound();
}

void Leading::Answer(const ReadRounds::Reads& reads, Zxid at) {
  if (!reads.asker) {
    self_.Emit(AnswerReads{reads.tags, at});
    return;
  }
  const Learner* learner = Find(*reads.asker);
  if (learner == nullptr || learner->session != reads.session) return;
  self_.SendTo(*reads.asker, reads.session, ReadIndexReply{reads.tags, at});
}

void Leading::AbandonReads() {
  for (ReadRounds::Reads& reads : rounds_.Abandon()) {
    Refuse(reads.asker, std::move(reads.tags), RejectReason::kNoLeader);
  }
}

}  // namespace zkq::core
