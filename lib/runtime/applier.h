// Applier: the apply strand. The only one that calls the state machine: applies
// what is delivered, in order, answers reads from the state once it is new
// enough, captures snapshots and restores them.
//
// Without a state machine it only keeps count.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "lib/core/effect.h"
#include "lib/runtime/calls.h"
#include "lib/runtime/inbox.h"
#include "lib/runtime/tail.h"
#include "lib/storage/data_dir.h"

namespace zkq::runtime {

struct Node;

class Applier {
 public:
  Applier(Node* node, Strand* strand);

  // Before the strands begin: brings the state machine to where the disk lets it
  // go on from, and returns what it then reflects. Whatever fails, the state
  // machine's own status included, is an error of the start.
  absl::StatusOr<Zxid> Recover(const storage::Recovery& recovery);

  // --- from the protocol strand --------------------------------------------------
  void Append(std::span<const Txn> txns) { tail_.Append(txns); }
  void Truncate(Zxid after) { tail_.Truncate(after); }
  // The history is about to be replaced: what was delivered of the old one and is
  // not in memory can no longer be read.
  void ExpectInstall();
  // Everything through `through` is committed and durable here.
  void Deliver(Zxid through);

  // --- from any thread -------------------------------------------------------------
  // Answers these reads once `at` is applied.
  void Answer(std::vector<uint64_t> tags, Zxid at);
  void TakeSnapshot(uint64_t tag);
  // The new history is durable.
  void Install(Zxid snapshot);
  // Answers the request for a page of the log behind what is applied.
  void OnPage(absl::StatusOr<std::vector<Txn>> page);
  // The job of the snapshot that was begun is over.
  void OnSnapshotDone(absl::StatusOr<Zxid> taken);

 private:
  struct Reads {
    Zxid at = {};
    std::vector<uint64_t> tags = {};
  };
  struct Asked {
    Zxid through = {};
    std::vector<Reads> reads = {};  // bounded by max_outstanding_bytes, as are snapshot calls
    std::vector<uint64_t> snapshot_calls = {};
    int expected_installs = 0;
    uint64_t calls_before_install = 0;
    // More than one may be durable before the state machine gets to it: the newest counts.
    int installs = 0;
    Zxid installed = {};
    std::optional<absl::StatusOr<std::vector<Txn>>> page = {};  // one is asked for at a time
    std::optional<absl::StatusOr<Zxid>> snapshot_done = {};
  };

  bool stopping() const;
  void Fail(absl::Status why);
  void Drain();
  void Absorb();  // the inbox
  void AbsorbPage(absl::StatusOr<std::vector<Txn>> page);
  void AbsorbSnapshotDone(absl::StatusOr<Zxid> taken);

  bool ApplyBatch();
  std::vector<Txn> NextBatch();
  bool ApplyOne(const Txn& txn);
  void AskForPage();
  absl::Status Restore(Zxid snapshot);
  void RestoreInstalled(int installs, Zxid snapshot);

  void AddReads(std::vector<Reads> reads);
  void AnswerReady();
  void AnswerOne(uint64_t tag);
  void Finish(uint64_t tag, absl::StatusOr<Reply> reply);
  bool ResultsAreDue() const;
  void TellResults();
  void ConsiderSnapshot();
  void BeginSnapshot();
  void DrawSnapshotInterval();
  void FailSnapshotCalls(const absl::Status& why);

  Node& node_;
  Strand& strand_;
  Tail tail_;

  Inbox<Asked> inbox_;

  // On the apply strand only, from here on.
  bool failed_ = false;  // the state machine has; no call to it follows
  Zxid applied_ = {};
  Zxid through_ = {};     // delivered
  std::deque<Txn> page_;  // read from the log, all of it delivered
  bool page_asked_ = false;
  Zxid page_through_ = {};                            // delivered when it was asked for
  bool page_is_stale_ = false;                        // it was asked for of a history that is gone
  int expected_installs_ = 0;                         // histories that are not durable yet
  uint64_t calls_before_install_ = 0;                 // the last tag given before the last of them
  std::multimap<Zxid, std::vector<uint64_t>> reads_;  // wait for their zxid to be applied
  size_t sweep_reads_at_ = 1024;  // above so many, those whose calls have ended are dropped

  std::vector<Calls::Result> results_;  // of this batch, not told yet
  absl::Duration first_result_ = absl::ZeroDuration();

  std::vector<uint64_t> snapshot_calls_;
  std::vector<uint64_t> running_calls_;  // answered by the snapshot that runs
  bool snapshot_runs_ = false;
  Zxid last_snapshot_ = {};
  uint64_t since_snapshot_ = 0;     // transactions
  uint64_t snapshot_interval_ = 0;  // of transactions, drawn anew each time; 0: never
};

}  // namespace zkq::runtime
