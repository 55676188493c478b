#include "lib/core/learner.h"

#include <algorithm>
#include <utility>

namespace zkq::core {

bool Learner::Plan(Self* self) {
  const SyncPlan plan = ChoosePlan(self->history, self->snapshot, ack, self->options.diff_txns_max);
  target = self->history.last();
  reading = false;
  portions_.clear();
  credit_used_ = 0;
  switch (plan.kind) {
    case SyncPlan::Kind::kNone:
      return false;
    case SyncPlan::Kind::kSnap:
      step = Step::kInstalling;
      snapshot = plan.snapshot;
      self->SendTo(link, session, Snap{plan.snapshot, self->history.last_leader_time()});
      return true;
    case SyncPlan::Kind::kTrunc:
      self->SendTo(link, session, Trunc{.after = plan.from, .last = target});
      break;
    case SyncPlan::Kind::kDiff:
      self->SendTo(link, session, Diff{.last = target});
      break;
  }
  step = Step::kFeeding;
  sent = plan.from;
  Pump(self);
  return true;
}

void Learner::Pump(Self* self) {
  while (step >= Step::kFeeding && !reading) {
    if (step == Step::kFeeding && sent == target) {
      step = Step::kAccepting;
      self->SendTo(link, session,
                   NewLeader{.last = target,
                             .commit = std::min(self->commit, target),
                             .leader_time = self->history.last_leader_time()});
      continue;
    }
    const Zxid upto = step == Step::kFeeding ? target : self->history.last();
    if (sent == upto || credit_used_ >= self->options.credit_bytes) return;
    std::vector<Txn> txns = self->history.After(sent, upto, kProposalBytesMax);
    if (txns.empty()) {
      if (sent >= self->history.durable()) return;  // Not on this disk yet either.
      reading = true;
      self->Emit(ReadLog{link, session, sent, kProposalBytesMax});
      return;
    }
    SendProposal(self, std::move(txns));
  }
}

bool Learner::Feed(Self* self, std::vector<Txn> txns) {
  if (!reading) return true;
  reading = false;
  const Zxid upto = step == Step::kFeeding ? target : self->history.last();
  const auto behind =
      std::find_if(txns.begin(), txns.end(), [&](const Txn& txn) { return txn.zxid > upto; });
  txns.erase(behind, txns.end());
  // The reader looks at the disk, this cursor at the live history: they must join.
  if (txns.empty() || txns.front().prev != sent) return false;
  SendProposal(self, std::move(txns));
  Pump(self);
  return true;
}

void Learner::SendProposal(Self* self, std::vector<Txn> txns) {
  Fed(txns);
  self->SendTo(link, session, Proposal{std::move(txns)});
}

void Learner::Fed(const std::vector<Txn>& txns) {
  Portion portion{.last = txns.back().zxid};
  for (const Txn& txn : txns) portion.bytes += txn.encoded.size();
  credit_used_ += portion.bytes;
  portions_.push_back(portion);
  sent = portion.last;
}

void Learner::Returned(Zxid zxid) {
  while (!portions_.empty() && portions_.front().last <= zxid) {
    credit_used_ -= portions_.front().bytes;
    portions_.pop_front();
  }
}

}  // namespace zkq::core
