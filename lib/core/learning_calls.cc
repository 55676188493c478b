// Learning, for the callers of this server: their commands go to the leader in requests, in
// order and within its credit, their reads as questions for a read index (PROTOCOL §8.5, §13.1).
// A command is settled when it comes back as a proposal or a refusal; how its call ends is
// decided in outcomes.h.
//
// With a session, or a renewal of the epoch in it, the leader drops what it has not proposed.
// So what was sent is undecided from there on, and nothing leaves, until the next session is up
// to date and has what the leader had proposed by then.
#include <utility>

#include "lib/core/learning.h"

namespace zkq::core {

void Learning::On(const Proposed& proposed) {
  if (!takes_calls()) return self_.RefuseWithoutLeader(proposed);
  requests_.Add(proposed.calls);
  SendRequests();
}

void Learning::SettleRequests(const std::vector<Txn>& proposed) {
  for (const Txn& txn : proposed) {
    const bool own = txn.origin.sid == self_.options.self && txn.origin.boot == self_.state.boot;
    if (own) requests_.Settle(txn.origin.call);
  }
  SendRequests();
}

void Learning::SendRequests() {
  for (auto piece = requests_.Take(); !piece.empty(); piece = requests_.Take()) {
    for (const Call& call : piece) self_.outcomes.Sent(call.tag);
    Reply(Request{std::move(piece)});
  }
}

void Learning::EndCalls() {
  undecided_before_.reset();
  self_.ProposeAgain(requests_.End(), /*sent=*/false);
}

// A call that was forwarded in an earlier session may be in what the leader has
// proposed, and not here yet. Once all that is here, it is in the history or nowhere
// (PROTOCOL §8.5).
void Learning::DecideCalls() {
  if (!undecided_before_ || self_.history.last() < *undecided_before_) return;
  undecided_before_.reset();
  self_.DecideCalls(session_.number);
  SendChanges();
}

void Learning::On(const ReconfigureAsked& asked) {
  self_.changes.Add({asked.tag, asked.next, self_.now + asked.time_left});
  SendChanges();
}

// The leader's time is over a little earlier: its answer says why.
void Learning::SendChanges() {
  if (!serving() || undecided_before_) return;
  self_.changes.Expire(self_.now);
  for (OwnChanges::Ask& ask : self_.changes.Take(session_.number)) {
    const Time left = ask.deadline - self_.now;
    Reply(Reconfigure{ask.tag, std::move(ask.next), left - left / 20});
  }
}

void Learning::Handle(const Refusal& refusal) {
  const bool of_change =
      refusal.tags.size() == 1 &&
      self_.TakeRefusal(refusal.tags.front(), refusal.reason, refusal.text, refusal.servers);
  if (of_change) return;
  std::vector<uint64_t> ours;
  for (uint64_t tag : refusal.tags) {
    requests_.Settle(tag);
    if (self_.outcomes.Refused(tag) || reads_.erase(tag) > 0) ours.push_back(tag);
  }
  self_.RejectCalls(std::move(ours), refusal.reason);
  SendRequests();
}

void Learning::On(const ReadAsked& asked) {
  if (!serving()) return self_.RejectCalls(asked.tags, RejectReason::kNoLeader);
  reads_.insert(asked.tags.begin(), asked.tags.end());
  Reply(ReadIndex{asked.tags});
}

void Learning::Handle(const ReadIndexReply& reply) {
  std::vector<uint64_t> ours;
  for (uint64_t tag : reply.tags) {
    if (self_.changes.Answered(tag, reply.at)) self_.CompleteChanges();
    if (reads_.erase(tag) > 0) ours.push_back(tag);
  }
  if (!ours.empty()) self_.Emit(AnswerReads{std::move(ours), reply.at});
}

}  // namespace zkq::core
