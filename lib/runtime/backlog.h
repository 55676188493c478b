// Delivered and Backlog: what is committed and durable here, and is to be applied. Most of
// it comes from memory (Delivered); what is there no more is read from the log, a page at a
// time.
//
// A page is read beside everything else, so the history may change under it: entries that
// were not delivered yet when it was asked for may be cut and replaced, and a snapshot may
// replace all of it. What of a page cannot be trusted is dropped and read again.
//
// Threads: one at a time. The Backlog is the apply strand's alone; what is Delivered is guarded
// by the lock of the applier's inbox, so its bound holds while an Apply call hangs.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "zkq/types.h"

namespace zkq::runtime {

// In memory: its transactions share their bytes with the log and the links.
class Delivered {
 public:
  static constexpr size_t kTxnsMax = 100'000;

  // Above `bytes_max`, or kTxnsMax, the oldest are dropped: they are read from the log again.
  explicit Delivered(size_t bytes_max) : bytes_max_(bytes_max) {}
  Delivered() = default;  // keeps nothing

  // Newer than all that was added. What lies between may be missing.
  void Add(std::vector<Txn> txns);
  // Takes the entries that follow `after`, up to `through` and at most `count`, and drops
  // those up to `after`. Nothing if the first of them is not here.
  std::vector<Txn> Take(Zxid after, Zxid through, size_t count);

 private:
  Txn TakeFront();

  size_t bytes_max_ = 0;
  std::deque<Txn> txns_;
  size_t bytes_ = 0;
};

class Backlog {
 public:
  static constexpr size_t kBatchTxnsMax = 256;

  // Begins where everything up to `through` needs no applying.
  void Begin(Zxid through) { through_ = through; }
  // Everything through `through` is delivered.
  void Deliver(Zxid through);
  bool HasMore(Zxid applied) const { return applied < through_; }

  // The next to be applied after `applied`, at most kBatchTxnsMax. `memory` yields what is
  // in memory of (applied, through], oldest first, or nothing. Nothing at all: there is no
  // more, or a page must come first.
  using Memory = absl::FunctionRef<std::vector<Txn>(Zxid through)>;
  std::vector<Txn> Next(Zxid applied, Memory memory);
  // True once for each page that Next has wanted: it is to be read after `applied`, and
  // answered by OnPage. One at a time.
  bool TakePageWish();
  bool page_asked() const { return page_asked_; }
  // What was taken has changed in memory: that and what follows it is read from the log again.
  void ReadAgain() { page_.clear(); }
  // An error: the log does not hold what it must.
  absl::Status OnPage(Zxid applied, absl::StatusOr<std::vector<Txn>> page);

  // A snapshot is about to replace the history: the log no longer holds what it held. It
  // covers all that was delivered, so no page is needed until it is installed.
  void ExpectInstall(int installs) { expected_installs_ += installs; }
  int expected_installs() const { return expected_installs_; }
  // So many of those are durable, the newest at `snapshot`.
  void OnInstalled(int installs, Zxid snapshot);

 private:
  Zxid through_ = {};     // delivered
  std::deque<Txn> page_;  // all of it delivered
  bool page_wanted_ = false;
  bool page_asked_ = false;
  bool page_is_stale_ = false;  // asked for before a snapshot replaced the history: to be dropped
  Zxid page_through_ = {};      // delivered when it was asked for
  int expected_installs_ = 0;
};

}  // namespace zkq::runtime
