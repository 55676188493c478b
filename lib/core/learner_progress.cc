#include "lib/core/learner_progress.h"

#include <algorithm>
#include <utility>

namespace zkq::core {

LearnerProgress::LearnerProgress(Self* self, const LinkId& link, const Session& session,
                                 const FollowerInfo& info)
    : self_(*self),
      link_(link),
      member_(self->links.MemberAt(link)),
      session_(session),
      info_(info),
      feed_(&self->invariants()) {
  ExtendDeadline(self_.options.init_limit + self_.options.sync_limit);
}

// --- discovery -----------------------------------------------------------------------

void LearnerProgress::SendLeaderInfo(const LeaderInfo& info) {
  Send(info);
  session_.epoch = info.epoch;
  stage_ = Stage::kLeaderInfoSent;
}

bool LearnerProgress::Take(const AckEpoch& ack) {
  if (stage_ != Stage::kLeaderInfoSent && stage_ != Stage::kInstalling) return false;
  ack_ = ack;
  stage_ = Stage::kPromised;
  return true;
}

void LearnerProgress::Renew() {
  stage_ = Stage::kWaiting;
  info_.accepted = {};
  ExtendDeadline(self_.options.init_limit + self_.options.sync_limit);
}

// --- synchronisation -------------------------------------------------------------------

SyncPlan LearnerProgress::Plan() const {
  return ChoosePlan(self_.history, FeedEnd(), self_.watermarks.snapshot, ack_,
                    self_.options.diff_txns_max);
}

bool LearnerProgress::Synchronize(const SyncPlan& plan) {
  const Zxid end = FeedEnd();
  planned_ = true;
  switch (plan.kind) {
    case SyncPlan::Kind::kNone:
      return false;
    case SyncPlan::Kind::kSnap:
      stage_ = Stage::kInstalling;
      feed_.Begin(plan.snapshot, end);
      Send(Snap{plan.snapshot});
      return true;
    case SyncPlan::Kind::kTrunc:
      Send(Trunc{.after = plan.from, .last = end});
      break;
    case SyncPlan::Kind::kDiff:
      Send(Diff{.last = end});
      break;
  }
  stage_ = Stage::kFeeding;
  feed_.Begin(plan.from, end);
  Pump();
  return true;
}

Zxid LearnerProgress::FeedEnd() const {
  if (stage_ == Stage::kFeeding) return feed_.target();
  return observes() ? self_.watermarks.commit : self_.history.last();
}

void LearnerProgress::Pump() {
  FeedOn();
  SendCommit();
  CheckCursors();
}

void LearnerProgress::OnSynced() {
  if (std::exchange(awaits_log_, false)) Pump();
}

// What it has acknowledged was sent, and what was sent stands in the history.
void LearnerProgress::CheckCursors() {
  ZKQ_CHECK(!synced() || match_ <= feed_.sent());
  ZKQ_CHECK(stage_ < Stage::kFeeding || feed_.sent() <= self_.history.last());
}

void LearnerProgress::FeedOn() {
  while (stage_ >= Stage::kFeeding && !feed_.reading()) {
    if (stage_ == Stage::kFeeding && feed_.sent() == feed_.target()) {
      stage_ = Stage::kAccepting;
      Send(NewLeader{.last = feed_.target(),
                     .commit = std::min(self_.watermarks.commit, feed_.target())});
      continue;
    }
    const Zxid end = FeedEnd();
    if (feed_.sent() == end || !feed_.HasCredit(self_.options.credit_bytes)) return;
    std::vector<Txn> txns = self_.history.After(feed_.sent(), end, kProposalBytesMax);
    if (txns.empty()) {
      awaits_log_ = feed_.sent() >= self_.history.durable();
      if (awaits_log_) return;
      feed_.BeginPage();
      return self_.Emit(ReadLog{link_, session_, feed_.sent(), kProposalBytesMax});
    }
    SendProposal(std::move(txns));
  }
}

bool LearnerProgress::TakePage(std::vector<Txn> txns) {
  if (!feed_.EndPage()) return true;
  const Zxid end = FeedEnd();
  std::erase_if(txns, [&](const Txn& txn) { return txn.zxid > end; });
  // The reader looks at the disk, this cursor at the live history: they must join.
  if (txns.empty() || txns.front().prev != feed_.sent()) return false;
  SendProposal(std::move(txns));
  Pump();
  return true;
}

std::optional<Zxid> LearnerProgress::PinnedAfter() const {
  if (!planned_) return std::nullopt;
  // Its epoch is renewed: its next plan begins where what it holds ends.
  if (stage_ < Stage::kInstalling && served_ != 0) return match_;
  return feed_.sent();
}

// --- broadcast ---------------------------------------------------------------------------

void LearnerProgress::SendProposal(std::vector<Txn> txns) {
  ZKQ_CHECK(!txns.empty());
  const Zxid commit = std::min(self_.watermarks.commit, txns.back().zxid);
  Fed(txns, commit);
  Send(Proposal{std::move(txns), commit});
}

bool LearnerProgress::TakesMore() const {
  return stage_ >= Stage::kAccepting && !feed_.reading() &&
         feed_.HasCredit(self_.options.credit_bytes);
}

bool LearnerProgress::CaughtUpWith(Zxid last) const { return TakesMore() && feed_.sent() == last; }

void LearnerProgress::Fed(const std::vector<Txn>& txns, Zxid commit) {
  ZKQ_CHECK(!txns.empty() && txns.front().prev == feed_.sent());
  if (match_ == feed_.sent()) NoteAdvance();
  feed_.Advance(txns);
  fed_at_ = self_.now;
  commit_told_ = std::max(commit_told_, commit);
}

bool LearnerProgress::Accept(const Ack& ack) {
  if (stage_ != Stage::kAccepting || ack.zxid != Zxid{session_.epoch, 0}) return false;
  stage_ = Stage::kSynced;
  match_ = feed_.target();
  feed_.Return(match_);
  NoteAdvance();
  ExtendDeadline(self_.options.sync_limit);
  return true;
}

bool LearnerProgress::Acknowledge(const Ack& ack) {
  if (!synced() || ack.zxid < match_ || ack.zxid > feed_.sent()) return false;
  if (ack.zxid == match_) return true;
  match_ = ack.zxid;
  feed_.Return(match_);
  NoteAdvance();
  return true;
}

void LearnerProgress::SendUpToDate() {
  served_ = session_.epoch;
  commit_told_ = std::min(self_.watermarks.commit, feed_.sent());
  Send(UpToDate{.commit = commit_told_, .last_proposed = self_.history.last()});
}

void LearnerProgress::SendCommit() {
  const Zxid known = std::min(self_.watermarks.commit, feed_.sent());
  if (!UpToDateNow() || known <= commit_told_) return;
  commit_told_ = known;
  Send(Commit{known});
}

bool LearnerProgress::TakesCommit(Zxid commit) {
  if (!UpToDateNow() || feed_.sent() < commit || commit_told_ >= commit) return false;
  commit_told_ = commit;
  return true;
}

// --- liveness ------------------------------------------------------------------------------

void LearnerProgress::NoteAdvance() {
  advanced_ = self_.now;
  parts_ = 0;
}

void LearnerProgress::NotePart(size_t bytes) {
  constexpr size_t kBeforeAnAck = 4 << 20;  // what a socket of the usual size holds
  NoteFrame();
  parts_ += bytes;
  if (parts_ <= kBeforeAnAck) advanced_ = self_.now;
}

void LearnerProgress::NoteFrame() {
  if (synced()) ExtendDeadline(self_.options.sync_limit);
  // It has said all that it can, and waits until other voters have: it owes nothing but a word.
  if (stage_ == Stage::kWaiting || stage_ == Stage::kPromised) {
    ExtendDeadline(self_.options.init_limit);
  }
}

void LearnerProgress::SendPing(uint64_t seq, bool at_work, const Watch::Round& confirmed) {
  ping_owed_.reset();
  Send(Ping{.seq = seq,
            .commit = std::min(self_.watermarks.commit, commit_told_),
            .syncing = at_work,
            .heard = ponged_,
            .confirmed = confirmed.ping,
            .confirmed_commit = confirmed.commit});
}

bool LearnerProgress::Take(const Pong& pong, uint64_t last_ping, std::optional<Zxid> due) {
  ponged_ = std::max(ponged_, std::min(pong.seq, last_ping));
  feed_.Return(std::min(pong.durable, feed_.sent()));
  const bool fed = stage_ == Stage::kFeeding || stage_ == Stage::kAccepting;
  const bool grows = fed && pong.durable > durable_;
  const bool installs = stage_ == Stage::kInstalling && pong.installing;
  const bool syncs = pong.syncing && !synced();
  const bool takes = pong.taken > taken_;
  // Its Ack may come after requests, and what it is to acknowledge be large.
  if (pong.durable > durable_ || takes) NoteAdvance();
  durable_ = pong.durable;
  applied_ = pong.applied;
  const bool keeps_up = synced() && due && std::min(durable_, applied_) >= *due;
  keeps_up_ = keeps_up ? std::min(keeps_up_ + 1, kStable) : 0;
  sync_ = pong.sync;
  taken_ = pong.taken;
  goes_on_ = grows || installs || syncs || (takes && fed);
  if (goes_on_) ExtendDeadline(self_.options.init_limit);
  return goes_on_;
}

bool LearnerProgress::AwaitsOwnDisk() const {
  switch (stage_) {
    case Stage::kWaiting:   // for this leader's promise
    case Stage::kPromised:  // or its epoch
      return true;
    case Stage::kFeeding:  // or the rest of its history: that is read, or not durable yet
      return feed_.HasCredit(self_.options.credit_bytes);
    default:
      return false;
  }
}

// A slow disk must not hide behind pings: what is owed has to arrive (ZOOKEEPER-87,
// -1521). Nor may what a learner owes hide behind this leader's disk, which under load is
// always at work: the log would stay, from that learner's place on, for ever.
bool LearnerProgress::StandsStill() {
  // What is durable there it owes no more: its Ack may be queued after a large request.
  if (!synced() || std::max(match_, durable_) >= feed_.sent()) NoteAdvance();
  if (AwaitsOwnDisk() && self_.Syncing()) ExtendDeadline(self_.options.init_limit);
  const Time limit = LimitOfDisk(self_.Ticks(self_.options.sync_limit), sync_);
  return self_.now >= deadline_ || self_.now - advanced_ >= limit;
}

}  // namespace zkq::core
