// Takes entries and records through the history, in their order, and notes what each
// changes in the index. Place says where they stand: the writer knows that once they are
// written, the replay before.
//
// One thread.
#pragma once

#include <vector>

#include "lib/storage/index.h"
#include "lib/storage/live_log.h"

namespace zkq::storage {

class IndexedLog {
 public:
  explicit IndexedLog(LiveLog* history) : history_(*history) {}

  // `record`: its position in the batch's payload. Each returns false, and does nothing, if
  // the history does not allow it.
  bool Append(const Txn& txn, size_t record);
  bool Truncate(Zxid after);
  void Rebase(Zxid base);

  // Everything since the last Place lies in this batch. Returns the highest entry
  // it has, {0,0} if it has none.
  Zxid Place(uint64_t segment, uint64_t begin, uint64_t end);
  // The changes of the batches placed so far, for Index::Apply.
  const std::vector<Index::Change>& changes() const { return changes_; }
  void Clear();

 private:
  LiveLog& history_;
  std::vector<Index::Change> changes_;
  size_t placed_ = 0;  // changes before this one have their place
};

}  // namespace zkq::storage
