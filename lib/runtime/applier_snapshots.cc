// The apply strand's part in snapshots: when to begin one, and what its end means.
#include <utility>

#include "lib/runtime/applier.h"
#include "lib/runtime/errors.h"
#include "lib/runtime/node.h"

namespace zkq::runtime {

// Between a half and the whole of the option, so that the replicas of an ensemble
// do not all write at the same time.
void Applier::DrawSnapshotInterval() {
  const uint64_t every = node_.options.snapshot_every_transactions;
  if (every == 0) return;
  snapshot_interval_ = every - node_.options.env.random->Next() % (every / 2 + 1);
}

void Applier::ConsiderSnapshot() {
  if (stopping() || snapshot_runs_ || node_.options.state_machine == nullptr) return;
  const bool due = snapshot_interval_ != 0 && since_snapshot_ >= snapshot_interval_;
  if (due || !snapshot_calls_.empty()) BeginSnapshot();
}

void Applier::BeginSnapshot() {
  running_calls_ = std::exchange(snapshot_calls_, {});
  if (applied_ == Zxid{}) {
    return FailSnapshotCalls(
        MakeError(absl::StatusCode::kFailedPrecondition, "nothing is applied yet"));
  }
  since_snapshot_ = 0;
  DrawSnapshotInterval();
  if (applied_ == last_snapshot_) return AbsorbSnapshotDone(applied_);
  absl::StatusOr<SnapshotJob> job = [&] {
    const Strand::Doing doing(strand_, "StateMachine::Snapshot");
    return node_.options.state_machine->Snapshot();
  }();
  if (!job.ok()) return AbsorbSnapshotDone(std::move(job).status());
  snapshot_runs_ = true;
  node_.snapshotter.Take(applied_, *std::move(job));
}

void Applier::AbsorbSnapshotDone(absl::StatusOr<Zxid> taken) {
  snapshot_runs_ = false;
  if (!taken.ok()) {
    node_.Say(LogLevel::kWarning, "no snapshot was taken: ", taken.status().ToString());
    return FailSnapshotCalls(taken.status());
  }
  last_snapshot_ = std::max(last_snapshot_, *taken);
  for (const uint64_t tag : std::exchange(running_calls_, {})) {
    Finish(tag, Reply{.zxid = *taken, .value = {}});
  }
}

void Applier::FailSnapshotCalls(const absl::Status& why) {
  for (const uint64_t tag : std::exchange(running_calls_, {})) {
    Finish(tag, MakeError(why.code(), FromAbsl(why.message())));
  }
}

}  // namespace zkq::runtime
