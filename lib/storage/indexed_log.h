// Takes records, in their order, through the history, and notes what each means
// for the index. The writer places a batch once it knows where it stands; the
// replay knows before.
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

  // `record`: its position in the batch's payload. Each is false, and nothing,
  // if the history does not allow it.
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
