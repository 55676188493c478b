// What the records of the log amount to, one after the other: the live history
// and the newest hard state. The writer and the replay move the same value
// through the same steps, so that a segment can begin with what the writer held
// and the replay can check it.
//
// Pure. Each step returns false, and changes nothing, if the history does not
// allow it.
#pragma once

#include <string>
#include <vector>

#include "lib/wire/disk.h"
#include "zkq/types.h"

namespace zkq::storage {

class History {
 public:
  History() = default;
  explicit History(const SegmentStart& start) : now_(start), begin_(start.last) {}

  void Store(std::string state) { now_.state = std::move(state); }
  bool Append(const Txn& txn);
  bool Truncate(Zxid after);
  void Rebase(Zxid base);
  // Known committed, as far as the history goes.
  void Hint(Zxid commit);

  // True of the entries behind begin(), and of begin() itself.
  bool Contains(Zxid zxid) const;

  const SegmentStart& now() const { return now_; }
  Zxid last() const { return now_.last; }
  Zxid hint() const { return hint_; }
  // The entries behind this one have been seen; at first the start's last.
  Zxid begin() const { return begin_; }
  // The highest counter of each epoch of these entries, ascending.
  const std::vector<Zxid>& epochs() const { return epochs_; }

 private:
  SegmentStart now_;
  Zxid hint_ = {};
  Zxid begin_ = {};
  std::vector<Zxid> epochs_;
};

}  // namespace zkq::storage
