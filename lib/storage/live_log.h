// LiveLog: what the records of a log amount to, one after the other: the live history and
// the newest hard state. The writer and the replay move the same value through the same
// steps, so that a segment can begin with what the writer held and the replay can
// check it.
//
// Pure. Each step returns false, and changes nothing, if the history does not allow it.
#pragma once

#include <string>

#include "lib/base/epochs.h"
#include "lib/wire/disk.h"
#include "zkq/types.h"

namespace zkq::storage {

class LiveLog {
 public:
  LiveLog() = default;
  explicit LiveLog(const SegmentStart& start)
      : state_(start.state), base_(start.base), epochs_(start.last) {}

  void Store(std::string state) { state_ = std::move(state); }
  bool Append(const Txn& txn);
  bool Truncate(Zxid after);
  void Rebase(Zxid base);
  // `commit` is known committed, as far as the history goes.
  void Hint(Zxid commit);

  // What a segment begins with that follows here.
  SegmentStart start() const { return {state_, base_, last()}; }
  // The newest hard state, encoded; empty: none yet.
  const std::string& state() const { return state_; }
  Zxid base() const { return base_; }
  // The entries that were seen here: those after begin(), which at first is where the
  // segments before had led to.
  const Epochs& epochs() const { return epochs_; }
  Zxid begin() const { return epochs_.begin(); }
  Zxid last() const { return epochs_.last(); }
  Zxid commit() const { return commit_; }
  // No entry that was seen here has a later one.
  int64_t leader_time() const { return leader_time_; }

 private:
  std::string state_;
  Zxid base_ = {};
  Epochs epochs_;
  Zxid commit_ = {};
  int64_t leader_time_ = 0;
};

}  // namespace zkq::storage
