// Leading, once its epoch is established: calls become transactions, transactions
// are proposed, acknowledged and committed (PROTOCOL §8.2).
//
// What is admitted gets its zxid, goes to the own log and to every learner that has
// been sent all before it, both at once: the leader is one acceptor among others.
// Learners that lag are fed from their own cursors. The commit point is what a quorum
// has made durable, the leader counted by its own disk like everybody else; it is
// told to all who can follow it in one message.
#include <algorithm>
#include <utility>

#include "lib/base/crc32c.h"
#include "lib/core/leading.h"
#include "zkq/wire.h"

namespace zkq::core {
namespace {

// About what an entry has beside its command.
constexpr size_t kTxnBytes = 64;

}  // namespace

// --- calls and proposals -----------------------------------------------------------

void Leading::On(const Proposed& proposed) {
  if (!takes_calls()) return self_.RefuseWithoutLeader(proposed);
  Admit({.origin = {.sid = self_.options.self, .boot = self_.state.boot}, .calls = proposed.calls});
}

void Leading::Handle(LearnerProgress* learner, const Request& request) {
  const LinkId& link = learner->link();
  // Sent before the learner heard of the renewal: it will decide them, and may send them again.
  if (learner->served() && !learner->synced()) return;
  // A session that never was up to date may not ask: its learner does not know yet what has
  // become of earlier calls.
  if (!learner->served()) return Refuse(link, TagsOf(request.calls), RejectReason::kNoLeader);
  const auto is_command = [](const Call& call) { return call.kind == TxnKind::kCommand; };
  if (!std::all_of(request.calls.begin(), request.calls.end(), is_command)) {
    return DropLinkOf(LinkId(link), "a request for something else than a command");
  }
  Admit({.asker = link, .origin = {.sid = link.sid, .boot = link.boot}, .calls = request.calls});
}

void Leading::Refuse(const std::optional<LinkId>& asker, std::vector<uint64_t> tags,
                     RejectReason reason) {
  if (tags.empty()) return;
  if (!asker) {
    for (uint64_t tag : tags) self_.outcomes.Refused(tag);
    return self_.RejectCalls(std::move(tags), reason);
  }
  if (LearnerProgress* learner = learners_.Find(*asker))
    learner->Send(Refusal{std::move(tags), reason});
}

void Leading::Admit(Submission submission) {
  Admission::Verdict verdict = admission_.Judge(std::move(submission));
  const std::optional<LinkId>& asker = verdict.admitted.asker;
  for (auto& [reason, tags] : verdict.refused) Refuse(asker, std::move(tags), reason);
  if (verdict.admitted.calls.empty()) return;
  if (!asker) {
    for (const Call& call : verdict.admitted.calls) self_.outcomes.Sent(call.tag);
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

int64_t Leading::LeaderTime() const {
  return std::max(self_.history.last_leader_time(), self_.wall);
}

Txn Leading::MakeTxn(const Call& call, Origin origin, Zxid prev) {
  origin.call = call.tag;
  return {.zxid = admission_.Number(call),
          .prev = prev,
          .kind = call.kind,
          .origin = origin,
          .leader_time = LeaderTime(),
          .command_crc = call.command_crc,
          .command = call.command};
}

void Leading::Extend(const Submission& admitted) {
  std::vector<Txn> txns;
  size_t bytes = 0;
  Zxid prev = self_.history.last();
  for (const Call& call : admitted.calls) {
    if (Crc32c(call.command.view()) != call.command_crc) {
      self_.halt = Halt{"a command has changed in this server's memory before it was logged"};
      return;
    }
    txns.push_back(MakeTxn(call, admitted.origin, prev));
    prev = txns.back().zxid;
    bytes += call.command.size() + kTxnBytes;
    if (bytes < kProposalBytesMax) continue;
    Propose(std::exchange(txns, {}));
    bytes = 0;
  }
  if (!txns.empty()) Propose(std::move(txns));
}

void Leading::Propose(std::vector<Txn> txns) {
  ZKQ_CHECK(attempt_.established() && !txns.empty());
  EncodeTxns(txns);
  const Zxid before = self_.history.last();
  self_.Append(txns);
  learners_.Propose(attempt_.epoch(), before, std::move(txns));
}

// --- commits ----------------------------------------------------------------------

void Leading::Handle(LearnerProgress* learner, const Ack& ack) {
  if (learner->Accept(ack)) return OnAccepted(learner);
  // Sent before the learner heard of the renewal. Its AckEpoch will tell what it holds.
  if (serving() && learner->stage() == LearnerProgress::Stage::kWaiting) return;
  if (!learner->Acknowledge(ack)) {
    return DropLinkOf(LinkId(learner->link()), "an acknowledgement of what was never sent");
  }
  learner->Pump();
  TryCommit();
}

void Leading::OnAccepted(LearnerProgress* learner) {
  if (!learner->observes()) attempt_.Accept(learner->member(), self_.now);
  if (!attempt_.established()) return TryEstablish();
  learner->SendUpToDate();
  learner->Pump();
  TryCommit();
}

// True: it was a reconfiguration, so there may be more.
bool Leading::CommitNext() {
  std::map<MemberId, Zxid> held = learners_.Matches();
  held[self_.me()] = self_.history.durable();
  // Only what this epoch proposed is counted; what came before is committed since
  // the term was established.
  Zxid known = self_.quorum.Reached(held);
  if (known <= self_.watermarks.commit || known.epoch != established_) return false;
  ZKQ_CHECK(known <= self_.history.last(), false);
  const std::optional<Membership>& pending = self_.memberships.configs().pending;
  const bool activates = pending && pending->version <= known;
  if (activates) known = pending->version;
  const Zxid before = self_.watermarks.commit;
  const bool settled = self_.memberships.settled();
  const Membership replaced = activates ? self_.memberships.committed() : Membership{};
  self_.Commit(known);
  admission_.Committed(known);
  // A leader that hands over says both in one word: who learns of the commit alone may turn away
  // before it hears where to.
  if (!activates || LeadsOn(replaced)) {
    learners_.SendCommit(established_);
    TellObservers();
    if (learners_.next_turn() != Time::max()) learners_.AnswerObservers(before);
  }
  if (activates) Activate(replaced);
  // Nothing else that is committed lets one go on that waits.
  if (activates || self_.memberships.settled() != settled) ConsiderChanges();
  return activates;
}

void Leading::TryCommit() {
  // A reconfiguration changes who decides on what comes after it, and by whom; and what waits for a
  // commit may renew the epoch.
  bool more = true;
  while (more && attempt_.established() && !left_) more = CommitNext();
  if (!left_) RenewIfDrained();
}

}  // namespace zkq::core
