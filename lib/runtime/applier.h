// Applier: the apply strand. The only one that calls the state machine: applies what is
// delivered, in order, answers reads from the state once it is new enough, captures
// snapshots and restores them.
//
// A call of the state machine that fails halts the replica, and no call follows it; the
// exceptions are Query, whose status is the caller's, and Snapshot, which skips one
// snapshot. Without a state machine the applier only keeps count.
//
// Thread-safe, but for Recover.
#pragma once

#include <atomic>
#include <optional>
#include <vector>

#include "lib/runtime/backlog.h"
#include "lib/runtime/calls.h"
#include "lib/runtime/halter.h"
#include "lib/runtime/inbox.h"
#include "lib/runtime/progress.h"
#include "lib/runtime/snapshot_plan.h"
#include "lib/runtime/status_board.h"
#include "lib/runtime/voice.h"
#include "lib/runtime/waiting_reads.h"
#include "lib/storage/data_dir.h"
#include "zkq/state_machine.h"

namespace zkq::runtime {

class Applier {
 public:
  // What it has done, and what it wants done; told on the apply strand.
  class Ears {
   public:
    virtual ~Ears() = default;
    virtual void OnApplied(Zxid through) = 0;
    // An installed snapshot is restored.
    virtual void OnRestored(Zxid snapshot) = 0;
    // Read a page of the log after `after`: answered by OnPage. One at a time.
    virtual void OnPageWanted(Zxid after, size_t bytes_max) = 0;
    // Write what `job` yields as the snapshot that `meta` describes: answered by
    // OnSnapshotDone. One at a time.
    virtual void OnSnapshotBegun(SnapshotMeta meta, SnapshotJob job) = 0;
  };
  struct Ports {
    Strand* strand = nullptr;
    Clock* clock = nullptr;
    StateMachine* machine = nullptr;                // may be null
    const storage::Snapshots* snapshots = nullptr;  // to restore from
    Calls* calls = nullptr;
    StatusBoard* board = nullptr;
    const Voice* voice = nullptr;
    Halter* halter = nullptr;
    Ears* ears = nullptr;
    const std::atomic<bool>* stopping = nullptr;  // nothing new is to be begun
  };
  struct Options {
    ServerId sid{};  // with `boot`: whose calls are our own
    uint64_t boot = 0;
    size_t window_bytes = 64 << 20;
    uint64_t snapshot_every = 0;  // transactions; 0: never by itself
    Random* random = nullptr;
  };
  Applier(const Ports& ports, const Options& options);

  // Before all else: brings the state machine to where the disk lets it go on from, and
  // returns what it then reflects. Whatever fails, the state machine's own status
  // included, is an error of the start.
  absl::StatusOr<Zxid> Recover(const Recovered& found);

  // Everything through `through` is committed and durable here. `txns` is what is in
  // memory of it: all since the last time, or its newest part.
  void Deliver(Zxid through, std::vector<Txn> txns);
  // A snapshot that covers all that was delivered is about to replace the history: what of
  // it is not in memory can no longer be read.
  void ExpectInstall();
  // The history that is replaced by `snapshot` is durable.
  void Install(Zxid snapshot);
  // Answers these reads once `at` is applied.
  void Answer(std::vector<uint64_t> tags, Zxid at);
  void TakeSnapshot(uint64_t tag);
  void OnPage(absl::StatusOr<std::vector<Txn>> page);
  // The snapshot that was begun is durable, or why it is not.
  void OnSnapshotDone(absl::StatusOr<Zxid> taken);

 private:
  struct Reads {
    std::vector<uint64_t> tags = {};
    Zxid at = {};
  };
  struct Asked {
    Zxid through = {};
    std::vector<Reads> reads = {};  // bounded by max_outstanding_bytes, as are snapshot calls
    std::vector<uint64_t> snapshot_calls = {};
    int expected_installs = 0;
    uint64_t takes_before_install = 0;
    // More than one may be durable before the state machine gets to it: the newest counts.
    int installs = 0;
    Zxid installed = {};
    std::optional<absl::StatusOr<std::vector<Txn>>> page = {};
    std::optional<absl::StatusOr<Zxid>> snapshot_done = {};
  };
  struct State {
    Asked asked = {};
    Delivered delivered = {};
  };

  Halter& invariants() { return *ports_.halter; }
  bool stopping() const { return failed_ || *ports_.stopping; }
  void Fail(absl::Status why);

  void Drain();
  void Absorb(Asked asked);
  void TellApplied();

  bool ApplyBatch();
  std::vector<Txn> NextBatch();
  bool ApplyOne(const Txn& txn);
  bool Intact(const Txn& txn);
  bool IsOwn(const Origin& origin) const;

  void NoteReplayed(uint64_t txns);

  absl::Status Restore(Zxid snapshot);
  void RestoreInstalled(int installs, Zxid snapshot);

  void AnswerReady();
  void AnswerOne(uint64_t tag);
  void BeginSnapshot();
  void EndSnapshot(absl::StatusOr<Zxid> taken);

  void Finish(uint64_t tag, absl::StatusOr<Reply> reply);
  void TellDueResults();
  void TellResults();

  const Ports ports_;
  const Options options_;
  Inbox<State> inbox_;

  // What the log had at the start, and is not applied yet.
  struct Replay {
    Zxid end = {};
    uint64_t txns = 0;
    uint64_t applied = 0;
    Progress progress;
  };

  // On the apply strand only, from here on.
  std::optional<Replay> replay_ = {};
  bool failed_ = false;
  Zxid applied_ = {};
  int64_t applied_time_ = 0;  // no transaction up to applied_ has a later leader_time
  Zxid reread_ = {};          // the last whose command had changed in memory
  Zxid last_snapshot_ = {};
  uint64_t takes_before_install_ = 0;  // Calls::takes() at the newest install
  Backlog backlog_;
  WaitingReads reads_;
  SnapshotPlan plan_;
  std::vector<Calls::Result> results_;  // not told yet
  absl::Duration told_at_ = absl::ZeroDuration();
};

}  // namespace zkq::runtime
