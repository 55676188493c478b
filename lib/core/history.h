// History: what this replica's live log holds, without holding it: the highest
// counter of each epoch, what is durable, and the newest entries themselves.
//
// Everything follows from two facts of ZAB: a zxid names one transaction for
// ever, and two histories that share an entry share all that lies before it. So
// (epoch, highest counter) describes a history exactly, and the point where two
// of them part is found without reading either.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "lib/base/checks.h"
#include "lib/core/event.h"

namespace zkq::core {

// `zxid` may stand right behind `prev`: the next counter, or the first of a
// later epoch (INV-8).
bool Follows(Zxid zxid, Zxid prev);

class History {
 public:
  struct Limits {
    size_t bytes_max = 64 << 20;
    size_t txns_max = 10'000;
  };
  // `begin`: the log can be read behind this entry. `epochs`: the highest
  // counter of each epoch of the entries behind it, ascending.
  History(Zxid begin, const std::vector<Zxid>& epochs, std::vector<Txn> window, Limits limits,
          Invariants* invariants);

  Zxid begin() const { return begin_; }
  Zxid last() const;
  // The newest entry that is durable together with all before it.
  Zxid durable() const { return durable_; }
  int64_t last_leader_time() const { return last_leader_time_; }
  void NoteLeaderTime(int64_t time) { last_leader_time_ = std::max(last_leader_time_, time); }

  // Whether `zxid` is an entry of this history at or behind its begin.
  bool Contains(Zxid zxid) const;
  // How many entries lie in (from, to], both contained.
  uint64_t Count(Zxid from, Zxid to) const;
  EpochTable Table() const;
  // The newest entry that this history shares with one that has `table` and
  // begins at `begin`; none if they may share only what one of them has purged.
  std::optional<Zxid> Divergence(const EpochTable& table, Zxid begin) const;

  // Entries behind `after` and not behind `upto`, at most `bytes_max` but at
  // least one, if the window reaches back to `after`; else empty.
  std::vector<Txn> After(Zxid after, Zxid upto, size_t bytes_max) const;

  // Entries behind `after` and not behind `upto` that are still in the window: contiguous
  // up to `upto`, but the oldest may be missing.
  std::vector<Txn> Newest(Zxid after, Zxid upto) const;

  // Each is handed to the journal as `write`; Synced tells what is durable.
  void Append(WriteId write, std::span<const Txn> txns);
  void Truncate(WriteId write, Zxid after);
  void Install(WriteId write, Zxid snapshot);
  void Synced(WriteId through);

  // The log was purged: it is readable only behind `begin`.
  void Purged(Zxid begin);

 private:
  struct Pending {
    WriteId write = 0;
    Zxid last{};  // of the history once this write is durable
  };
  Invariants& invariants() { return *invariants_; }
  void Trim();

  Zxid begin_;
  std::map<Epoch, uint32_t> epochs_;  // highest counter; the begin stands in it
  Zxid durable_;
  std::deque<Pending> pending_;
  std::deque<Txn> window_;  // contiguous, up to last()
  size_t window_bytes_ = 0;
  int64_t last_leader_time_ = 0;
  Limits limits_;
  Invariants* invariants_;
};

}  // namespace zkq::core
