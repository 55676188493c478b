#include "lib/runtime/applier.h"

#include <algorithm>
#include <utility>

#include "lib/base/absl/string_view.h"
#include "lib/base/checks.h"
#include "lib/base/crc32c.h"
#include "lib/base/texts.h"

namespace zkq::runtime {
namespace {

constexpr size_t kPageBytesMax = 1 << 20;
constexpr absl::Duration kResultsWaitMax = absl::Microseconds(100);

// Tells how far a restore has come.
class WatchedReader final : public SnapshotReader {
 public:
  WatchedReader(storage::SnapshotFileReader* in, Progress* progress)
      : in_(*in), progress_(*progress) {}
  absl::StatusOr<bool> ReadRecord(std::string* record) override {
    progress_.At(in_.offset(), in_.size());
    return in_.ReadRecord(record);
  }

 private:
  storage::SnapshotFileReader& in_;
  Progress& progress_;
};

// Not with the machine's own code: zkq/replica.h says what the codes of a halted replica mean.
absl::Status ApplyFailed(Zxid zxid, const absl::Status& why) {
  return absl::InternalError(ToAbsl("StateMachine::Apply of " + ToString(zxid) +
                                    " failed: " + why.ToString() +
                                    "; a restart applies it again, so mend the cause first"));
}

absl::Time TimeOf(const Txn& txn) { return absl::FromUnixMicros(txn.leader_time); }

}  // namespace

Applier::Applier(const Ports& ports, const Options& options)
    : ports_(ports),
      options_(options),
      inbox_(ports.strand, [this] { Drain(); }, {.delivered = Delivered(options.window_bytes)}),
      plan_(ports.machine == nullptr ? 0 : options.snapshot_every, options.random) {}

// --- the start ---------------------------------------------------------------------

absl::StatusOr<Zxid> Applier::Recover(const Recovered& found) {
  last_snapshot_ = applied_ = found.base.zxid;
  applied_time_ = found.base.leader_time;
  ports_.board->SetSnapshot(last_snapshot_);
  Zxid own = {};
  if (ports_.machine != nullptr) {
    absl::StatusOr<Zxid> opened = ports_.machine->Open();
    if (!opened.ok()) return opened.status();
    own = *opened;
  }
  if (own > found.epochs.last()) {
    return MakeError(absl::StatusCode::kDataLoss, "the state machine has applied " + ToString(own) +
                                                      ", but the log ends at " +
                                                      ToString(found.epochs.last()));
  }
  if (own >= found.epochs.begin() && own > Zxid{}) {
    applied_ = own;
    applied_time_ = std::max(applied_time_, found.last_leader_time);
  } else if (found.base.zxid > Zxid{} && ports_.machine != nullptr) {
    if (absl::Status restored = Restore(found.base.zxid); !restored.ok()) return restored;
  }
  if (const Zxid end = found.epochs.last(); end > applied_ && ports_.machine != nullptr) {
    replay_.emplace(
        Replay{.end = end,
               .txns = found.epochs.Count(applied_, end),
               .progress = {ports_.voice, ports_.clock, Line::kReplaying, TransactionsText}});
  }
  backlog_.Begin(applied_);
  ports_.board->SetApplied(applied_);
  return applied_;
}

absl::Status Applier::Restore(Zxid snapshot) {
  absl::StatusOr<storage::Snapshots::Opened> opened = ports_.snapshots->Read(snapshot);
  if (!opened.ok()) return opened.status();
  applied_time_ = opened->meta.leader_time;
  Progress progress(ports_.voice, ports_.clock, Line::kRestoring, BytesText);
  WatchedReader in(opened->records.get(), &progress);
  const Strand::Doing doing(*ports_.strand, "StateMachine::Restore");
  ports_.board->SetRestoring(snapshot);
  absl::Status restored = ports_.machine->Restore(in);
  ports_.board->SetRestoring({});
  if (!restored.ok()) return restored;
  ports_.voice->Say(Line::kRestored, "from the snapshot at ", ToString(snapshot), ", ",
                    progress.Summary(opened->records->size()));
  return restored;
}

// --- what comes in -------------------------------------------------------------------

void Applier::Deliver(Zxid through, std::vector<Txn> txns) {
  inbox_.Change([through, txns = std::move(txns)](State& state) mutable {
    state.asked.through = std::max(state.asked.through, through);
    state.delivered.Add(std::move(txns));
  });
}

void Applier::ExpectInstall() {
  inbox_.Change([takes = ports_.calls->takes()](State& state) {
    ++state.asked.expected_installs;
    state.asked.takes_before_install = takes;
    return false;
  });
}

void Applier::Install(Zxid snapshot) {
  inbox_.Change([snapshot](State& state) {
    ++state.asked.installs;
    state.asked.installed = snapshot;
  });
}

void Applier::Answer(std::vector<uint64_t> tags, Zxid at) {
  inbox_.Change([tags = std::move(tags), at](State& state) mutable {
    state.asked.reads.push_back({std::move(tags), at});
  });
}

void Applier::TakeSnapshot(uint64_t tag) {
  inbox_.Change([tag](State& state) { state.asked.snapshot_calls.push_back(tag); });
}

void Applier::OnPage(absl::StatusOr<std::vector<Txn>> page) {
  inbox_.Change(
      [page = std::move(page)](State& state) mutable { state.asked.page = std::move(page); });
}

void Applier::OnSnapshotDone(absl::StatusOr<Zxid> taken) {
  inbox_.Change([taken = std::move(taken)](State& state) mutable {
    state.asked.snapshot_done = std::move(taken);
  });
}

// --- the strand ------------------------------------------------------------------------

void Applier::Fail(absl::Status why) {
  failed_ = true;
  ports_.halter->Halt(std::move(why));
}

void Applier::Drain() {
  ZKQ_CHECK(ports_.strand->Inside());
  Absorb(inbox_.Take([](State& state) { return std::exchange(state.asked, {}); }));
  bool more = true;
  while (more && !stopping()) {
    told_at_ = ports_.clock->Monotonic();
    AnswerReady();
    more = ApplyBatch() && backlog_.HasMore(applied_);
    if (plan_.due() && !stopping()) BeginSnapshot();
    TellResults();
  }
  TellResults();
}

void Applier::Absorb(Asked asked) {
  backlog_.Deliver(asked.through);
  backlog_.ExpectInstall(asked.expected_installs);
  takes_before_install_ = std::max(takes_before_install_, asked.takes_before_install);
  for (Reads& reads : asked.reads) {
    reads_.Add(std::move(reads.tags), reads.at,
               [this](uint64_t tag) { return ports_.calls->Waits(tag); });
  }
  plan_.Ask(asked.snapshot_calls);
  if (asked.page) {
    ZKQ_CHECK(backlog_.page_asked());
    absl::Status usable = backlog_.OnPage(applied_, *std::move(asked.page));
    if (!usable.ok()) return Fail(std::move(usable));
  }
  if (asked.installs > 0 && !stopping()) RestoreInstalled(asked.installs, asked.installed);
  if (asked.snapshot_done) EndSnapshot(*std::move(asked.snapshot_done));
}

// --- applying ------------------------------------------------------------------------------

bool Applier::ApplyBatch() {
  const std::vector<Txn> batch = NextBatch();
  if (batch.empty()) return false;
  for (const Txn& txn : batch) {
    if (stopping() || !ApplyOne(txn)) break;
    applied_time_ = txn.leader_time;
    if (!reads_.empty()) AnswerReady();
    TellDueResults();
  }
  TellApplied();
  if (replay_) NoteReplayed(batch.size());
  return true;
}

void Applier::NoteReplayed(uint64_t txns) {
  replay_->applied += txns;
  if (applied_ < replay_->end) return replay_->progress.At(replay_->applied, replay_->txns);
  ports_.voice->Say(Line::kReplayed, "through ", ToString(applied_), ", ",
                    replay_->progress.Summary(replay_->txns));
  replay_.reset();
}

std::vector<Txn> Applier::NextBatch() {
  std::vector<Txn> batch = backlog_.Next(applied_, [this](Zxid through) {
    return inbox_.With([&](State& state) {
      return state.delivered.Take(applied_, through, Backlog::kBatchTxnsMax);
    });
  });
  if (backlog_.TakePageWish()) ports_.ears->OnPageWanted(applied_, kPageBytesMax);
  return batch;
}

bool Applier::ApplyOne(const Txn& txn) {
  ZKQ_CHECK(txn.prev == applied_, false);
  plan_.OnApplied();
  if (txn.kind != TxnKind::kCommand || ports_.machine == nullptr) {
    applied_ = txn.zxid;
    return true;
  }
  if (!Intact(txn)) return false;
  absl::StatusOr<std::string> value = [&] {
    const Strand::Doing doing(*ports_.strand, "StateMachine::Apply");
    return ports_.machine->Apply(
        {.zxid = txn.zxid, .leader_time = TimeOf(txn), .command = txn.command.view()});
  }();
  if (!value.ok()) {
    Fail(ApplyFailed(txn.zxid, value.status()));
    return false;
  }
  applied_ = txn.zxid;
  if (IsOwn(txn.origin)) {
    Finish(txn.origin.call, Reply{.zxid = txn.zxid, .value = *std::move(value)});
  }
  return true;
}

// A command that has changed in memory is read again: the log has it under checksums of
// its own, and one that is wrong there is a damaged log.
bool Applier::Intact(const Txn& txn) {
  if (Crc32c(txn.command.view()) == txn.command_crc) return true;
  const std::string what = "the command of " + ToString(txn.zxid) + " has changed in memory";
  if (reread_ == txn.zxid) {
    Fail(MakeError(absl::StatusCode::kDataLoss, what + ", twice"));
  } else {
    reread_ = txn.zxid;
    ports_.voice->Say(Line::kCommandChanged, what, ": it is read from the log again");
    backlog_.ReadAgain();
  }
  return false;
}

bool Applier::IsOwn(const Origin& origin) const {
  return origin.sid == options_.sid && origin.boot == options_.boot;
}

void Applier::TellApplied() {
  ports_.board->SetApplied(applied_);
  ports_.ears->OnApplied(applied_);
}

// --- a history that is replaced ------------------------------------------------------------

void Applier::RestoreInstalled(int installs, Zxid snapshot) {
  ZKQ_CHECK(installs <= backlog_.expected_installs());
  backlog_.OnInstalled(installs, snapshot);
  if (applied_ >= snapshot) return;
  if (ports_.machine != nullptr) {
    const absl::Status restored = Restore(snapshot);
    if (!restored.ok()) {
      return Fail(Annotate(restored, "restoring the snapshot at " + ToString(snapshot)));
    }
  }
  // Own calls among what is passed over were applied by nobody here.
  ports_.calls->FailTaken(takes_before_install_, [leader = ports_.board->leader()](Fate) {
    return Rejected(RejectReason::kUnknown, leader);
  });
  replay_.reset();
  applied_ = last_snapshot_ = snapshot;
  plan_.OnRestored();
  ports_.board->SetSnapshot(snapshot);
  TellApplied();
  ports_.ears->OnRestored(snapshot);
}

// --- reads ------------------------------------------------------------------------------------

void Applier::AnswerReady() {
  while (!stopping()) {
    const std::vector<uint64_t> ready = reads_.TakeReady(applied_);
    if (ready.empty()) return;
    for (const uint64_t tag : ready) {
      AnswerOne(tag);
      TellDueResults();
    }
  }
}

void Applier::AnswerOne(uint64_t tag) {
  const std::optional<std::string> request = ports_.calls->TakeRequest(tag);
  if (!request || stopping()) return;  // its deadline, or the end, came first
  absl::StatusOr<std::string> value = [&] {
    const Strand::Doing doing(*ports_.strand, "StateMachine::Query");
    return ports_.machine->Query(*request);
  }();
  if (!value.ok()) return Finish(tag, std::move(value).status());
  Finish(tag, Reply{.zxid = applied_, .value = *std::move(value)});
}

// --- snapshots --------------------------------------------------------------------------------

void Applier::BeginSnapshot() {
  plan_.Begin();
  if (applied_ == Zxid{}) {
    return EndSnapshot(MakeError(absl::StatusCode::kFailedPrecondition, "nothing is applied yet"));
  }
  // A machine with a disk of its own may have begun before the newest.
  if (applied_ <= last_snapshot_) return EndSnapshot(last_snapshot_);
  absl::StatusOr<SnapshotJob> job = [&] {
    const Strand::Doing doing(*ports_.strand, "StateMachine::Snapshot");
    return ports_.machine->Snapshot();
  }();
  if (!job.ok()) return EndSnapshot(std::move(job).status());
  // PROTOCOL §11.4 asks for the configuration committed at applied_, and the board has the
  // one of now, or of just before. These are one and the same: until reconfiguration is
  // served a configuration changes only by founding, before anything is delivered. Then it
  // must come with Deliver, in order.
  ports_.ears->OnSnapshotBegun({.zxid = applied_,
                                .leader_time = applied_time_,
                                .membership = ports_.board->membership(),
                                .ensemble = ports_.board->ensemble()},
                               *std::move(job));
}

void Applier::EndSnapshot(absl::StatusOr<Zxid> taken) {
  if (taken.ok()) {
    last_snapshot_ = std::max(last_snapshot_, *taken);
  } else {
    ports_.voice->Say(Line::kSnapshotFailed, taken.status().ToString());
  }
  for (const uint64_t tag : plan_.End()) {
    if (taken.ok()) {
      Finish(tag, Reply{.zxid = *taken, .value = {}});
    } else {
      Finish(tag, MakeError(taken.status().code(), FromAbsl(taken.status().message())));
    }
  }
}

// --- results ----------------------------------------------------------------------------------

void Applier::Finish(uint64_t tag, absl::StatusOr<Reply> reply) {
  results_.push_back({tag, std::move(reply)});
}

// A batch of results costs one hand-over. But where the state machine takes its time, each
// is told at once; only after a quick call it may wait for a slow one, and for no other.
void Applier::TellDueResults() {
  if (results_.empty()) return;
  const absl::Duration now = ports_.clock->Monotonic();
  if (now - told_at_ < kResultsWaitMax) return;
  told_at_ = now;
  TellResults();
}

void Applier::TellResults() {
  if (!results_.empty()) ports_.calls->Finish(std::exchange(results_, {}));
}

}  // namespace zkq::runtime
