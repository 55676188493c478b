// History: what this replica's live log holds, without holding it: its entries by their
// epochs (lib/base/epochs.h), what of them is durable, and the newest of them themselves.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "lib/base/checks.h"
#include "lib/base/epochs.h"
#include "lib/core/event.h"

namespace zkq::core {

class History {
 public:
  struct Limits {
    size_t bytes_max = 64 << 20;
    size_t txns_max = 10'000;
  };
  // All of it is durable. `window`: its newest entries, contiguous up to the last.
  History(Epochs epochs, std::vector<Txn> window, Limits limits, Invariants* invariants);

  // The log can be read after this entry.
  Zxid begin() const { return epochs_.begin(); }
  Zxid last() const { return epochs_.last(); }
  const Epochs& epochs() const { return epochs_; }
  // The newest entry that is durable together with all before it.
  Zxid durable() const { return durable_; }
  int64_t last_leader_time() const { return last_leader_time_; }
  void NoteLeaderTime(int64_t time) { last_leader_time_ = std::max(last_leader_time_, time); }

  // Of an entry, among the newest.
  size_t mean_bytes() const { return window_.empty() ? 0 : window_bytes_ / window_.size(); }
  // Entries after `after`, up to `upto`, at most `bytes_max` but at
  // least one, if the window reaches back to `after`; else empty.
  std::vector<Txn> After(Zxid after, Zxid upto, size_t bytes_max) const;

  // Entries after `after`, up to `upto` that are still in the window: contiguous
  // up to `upto`, but the oldest may be missing.
  std::vector<Txn> Newest(Zxid after, Zxid upto) const;

  // Each is handed to the journal as `write`; Synced tells what is durable.
  void Append(WriteId write, std::span<const Txn> txns);
  void Truncate(WriteId write, Zxid after);
  void Install(WriteId write, Zxid snapshot);
  void Synced(WriteId through);

  // The log was purged: it is readable only after `begin`.
  void Purged(Zxid begin);

 private:
  struct Pending {
    WriteId write = 0;
    Zxid last{};  // of the history once this write is durable
  };
  Invariants& invariants() { return *invariants_; }
  void Keep(std::vector<Txn> window);
  void AddPending(WriteId write, Zxid last);
  void Trim();

  Epochs epochs_;
  Zxid durable_;
  std::deque<Pending> pending_;
  std::deque<Txn> window_;  // contiguous, up to last()
  size_t window_bytes_ = 0;
  int64_t last_leader_time_ = 0;
  Limits limits_;
  Invariants* invariants_;
};

}  // namespace zkq::core
