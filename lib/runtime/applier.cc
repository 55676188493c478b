#include "lib/runtime/applier.h"

#include <algorithm>
#include <utility>

#include "lib/runtime/errors.h"
#include "lib/runtime/node.h"

namespace zkq::runtime {
namespace {

constexpr size_t kTailTxnsMax = 100'000;
constexpr size_t kBatchTxnsMax = 256;
constexpr size_t kPageBytesMax = 1 << 20;
constexpr absl::Duration kResultsWaitMax = absl::Microseconds(100);

absl::Time TimeOf(const Txn& txn) { return absl::FromUnixMicros(txn.leader_time); }

}  // namespace

Applier::Applier(Node* node, Strand* strand)
    : node_(*node),
      strand_(*strand),
      tail_(node->options.window_bytes, kTailTxnsMax),
      inbox_(strand, [this] { Drain(); }) {
  DrawSnapshotInterval();
}

// --- the start ---------------------------------------------------------------------

absl::StatusOr<Zxid> Applier::Recover(const storage::Recovery& recovery) {
  tail_.Append(recovery.window);
  through_ = last_snapshot_ = applied_ = recovery.base;
  StateMachine* const machine = node_.options.state_machine.get();
  node_.board.SetApplied(applied_);
  node_.board.SetSnapshot(last_snapshot_);
  if (machine == nullptr) return applied_;
  absl::StatusOr<Zxid> own = machine->Open();
  if (!own.ok()) return own.status();
  if (*own > recovery.last) {
    return MakeError(absl::StatusCode::kDataLoss, "the state machine has applied " +
                                                      ToString(*own) + ", but the log ends at " +
                                                      ToString(recovery.last));
  }
  if (*own >= recovery.log_begin && *own > Zxid{}) {
    applied_ = *own;
    through_ = std::max(recovery.base, *own);
  } else if (recovery.base > Zxid{}) {
    if (absl::Status restored = Restore(recovery.base); !restored.ok()) return restored;
  }
  node_.board.SetApplied(applied_);
  return applied_;
}

absl::Status Applier::Restore(Zxid snapshot) {
  absl::StatusOr<std::unique_ptr<SnapshotReader>> reader = node_.disk.snapshots->Read(snapshot);
  if (!reader.ok()) return reader.status();
  const Strand::Doing doing(strand_, "StateMachine::Restore");
  return node_.options.state_machine->Restore(**reader);
}

// --- what comes in -------------------------------------------------------------------

void Applier::ExpectInstall() {
  tail_.Clear();
  inbox_.Change([last_tag = node_.calls.last_tag()](Asked& asked) {
    ++asked.expected_installs;
    asked.calls_before_install = last_tag;
    return false;
  });
}

void Applier::Deliver(Zxid through) {
  inbox_.Change([through](Asked& asked) { asked.through = std::max(asked.through, through); });
}

void Applier::Answer(std::vector<uint64_t> tags, Zxid at) {
  inbox_.Change([tags = std::move(tags), at](Asked& asked) mutable {
    asked.reads.push_back({at, std::move(tags)});
  });
}

void Applier::TakeSnapshot(uint64_t tag) {
  inbox_.Change([tag](Asked& asked) { asked.snapshot_calls.push_back(tag); });
}

void Applier::Install(Zxid snapshot) {
  inbox_.Change([snapshot](Asked& asked) {
    ++asked.installs;
    asked.installed = snapshot;
  });
}

void Applier::OnPage(absl::StatusOr<std::vector<Txn>> page) {
  inbox_.Change([page = std::move(page)](Asked& asked) mutable { asked.page = std::move(page); });
}

void Applier::OnSnapshotDone(absl::StatusOr<Zxid> taken) {
  inbox_.Change(
      [taken = std::move(taken)](Asked& asked) mutable { asked.snapshot_done = std::move(taken); });
}

// --- the strand ------------------------------------------------------------------------

bool Applier::stopping() const { return failed_ || node_.stopping(); }

void Applier::Fail(absl::Status why) {
  failed_ = true;
  node_.Halt(std::move(why));
}

void Applier::Drain() {
  Absorb();
  bool more = true;
  while (more && !stopping()) {
    AnswerReady();
    more = ApplyBatch() && applied_ < through_;
    ConsiderSnapshot();
    TellResults();
  }
  TellResults();
}

void Applier::Absorb() {
  Asked in = inbox_.Take();
  through_ = std::max(through_, in.through);
  expected_installs_ += in.expected_installs;
  calls_before_install_ = std::max(calls_before_install_, in.calls_before_install);
  AddReads(std::move(in.reads));
  snapshot_calls_.insert(snapshot_calls_.end(), in.snapshot_calls.begin(), in.snapshot_calls.end());
  if (in.page) AbsorbPage(*std::move(in.page));
  if (in.installs > 0 && !stopping()) RestoreInstalled(in.installs, in.installed);
  if (in.snapshot_done) AbsorbSnapshotDone(*std::move(in.snapshot_done));
}

// --- applying ------------------------------------------------------------------------------

bool Applier::ApplyBatch() {
  const std::vector<Txn> batch = NextBatch();
  if (batch.empty()) return false;
  for (const Txn& txn : batch) {
    if (stopping() || !ApplyOne(txn)) break;
    if (!reads_.empty()) AnswerReady();
    if (ResultsAreDue()) TellResults();
  }
  node_.board.SetApplied(applied_);
  node_.protocol.OnApplied(applied_);
  return true;
}

std::vector<Txn> Applier::NextBatch() {
  if (applied_ >= through_) return {};
  while (!page_.empty() && page_.front().zxid <= applied_) page_.pop_front();
  if (!page_.empty()) {
    const size_t count = std::min(page_.size(), kBatchTxnsMax);
    std::vector<Txn> batch(page_.begin(), page_.begin() + static_cast<std::ptrdiff_t>(count));
    page_.erase(page_.begin(), page_.begin() + static_cast<std::ptrdiff_t>(count));
    return batch;
  }
  std::vector<Txn> batch = tail_.Take(applied_, through_, kBatchTxnsMax);
  if (batch.empty()) AskForPage();
  return batch;
}

bool Applier::ApplyOne(const Txn& txn) {
  ++since_snapshot_;
  if (txn.kind != TxnKind::kCommand || node_.options.state_machine == nullptr) {
    applied_ = txn.zxid;
    return true;
  }
  absl::StatusOr<std::string> value = [&] {
    const Strand::Doing doing(strand_, "StateMachine::Apply");
    return node_.options.state_machine->Apply(
        {.zxid = txn.zxid, .leader_time = TimeOf(txn), .command = txn.command.view()});
  }();
  if (!value.ok()) {
    Fail(std::move(value).status());
    return false;
  }
  applied_ = txn.zxid;
  if (node_.IsOwn(txn.origin)) {
    Finish(txn.origin.call, Reply{.zxid = txn.zxid, .value = *std::move(value)});
  }
  return true;
}

void Applier::AskForPage() {
  // A new history is on its way: it starts at or above all that was delivered.
  if (page_asked_ || expected_installs_ > 0) return;
  page_asked_ = true;
  page_through_ = through_;
  node_.transfers.ReadPage(applied_, kPageBytesMax);
}

void Applier::AbsorbPage(absl::StatusOr<std::vector<Txn>> page) {
  page_asked_ = false;
  if (std::exchange(page_is_stale_, false) || expected_installs_ > 0) return;
  if (!page.ok()) return Fail(std::move(page).status());
  // What was not delivered when it was read may have been cut since, and what is
  // delivered now be another history's; it is read again.
  while (!page->empty() && page->back().zxid > page_through_) page->pop_back();
  if (page->empty() || page->front().prev != applied_) {
    return Fail(MakeError(absl::StatusCode::kDataLoss,
                          "the log does not hold what follows " + ToString(applied_)));
  }
  page_.assign(std::move_iterator(page->begin()), std::move_iterator(page->end()));
}

void Applier::RestoreInstalled(int installs, Zxid snapshot) {
  expected_installs_ -= installs;
  page_is_stale_ = page_asked_;
  through_ = std::max(through_, snapshot);
  page_.clear();
  if (applied_ >= snapshot) return;
  if (node_.options.state_machine != nullptr) {
    absl::Status restored = Restore(snapshot);
    if (!restored.ok()) return Fail(std::move(restored));
  }
  // Own calls among what is passed over were applied by nobody here.
  node_.calls.FailTaken(calls_before_install_, [leader = node_.board.leader()](Fate) {
    return Rejected(RejectReason::kUnknown, leader);
  });
  applied_ = last_snapshot_ = snapshot;
  since_snapshot_ = 0;
  node_.board.SetApplied(applied_);
  node_.board.SetSnapshot(last_snapshot_);
  node_.protocol.OnApplied(applied_);
  node_.events.Raise(Event::Kind::kSnapshotInstalled);
}

// --- reads ------------------------------------------------------------------------------------

// A read may wait for what is never applied; its deadline ends it without us.
void Applier::AddReads(std::vector<Reads> added) {
  for (Reads& reads : added) reads_.emplace(reads.at, std::move(reads.tags));
  if (reads_.size() <= sweep_reads_at_) return;
  std::erase_if(reads_, [this](const auto& reads) {
    return std::none_of(reads.second.begin(), reads.second.end(),
                        [this](uint64_t tag) { return node_.calls.Waits(tag); });
  });
  sweep_reads_at_ = std::max<size_t>(1024, 2 * reads_.size());
}

void Applier::AnswerReady() {
  while (!reads_.empty() && reads_.begin()->first <= applied_ && !stopping()) {
    const auto ready = reads_.extract(reads_.begin());
    for (const uint64_t tag : ready.mapped()) {
      AnswerOne(tag);
      if (ResultsAreDue()) TellResults();
    }
  }
}

void Applier::AnswerOne(uint64_t tag) {
  const std::optional<std::string> request = node_.calls.TakeRequest(tag);
  if (!request || stopping()) return;  // its deadline, or the end, came first
  absl::StatusOr<std::string> value = [&] {
    const Strand::Doing doing(strand_, "StateMachine::Query");
    return node_.options.state_machine->Query(*request);
  }();
  if (!value.ok()) return Finish(tag, std::move(value).status());
  Finish(tag, Reply{.zxid = applied_, .value = *std::move(value)});
}

// --- results ------------------------------------------------------------------------------------

void Applier::Finish(uint64_t tag, absl::StatusOr<Reply> reply) {
  if (results_.empty()) first_result_ = node_.options.env.clock->Monotonic();
  results_.push_back({tag, std::move(reply)});
}

// A batch of results costs one hand-over. But the next call of the state machine may take
// its time, so a result waits for one call at most.
bool Applier::ResultsAreDue() const {
  return !results_.empty() &&
         node_.options.env.clock->Monotonic() - first_result_ >= kResultsWaitMax;
}

void Applier::TellResults() {
  if (!results_.empty()) node_.calls.Finish(std::exchange(results_, {}));
}

}  // namespace zkq::runtime
