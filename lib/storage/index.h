// Where in the segments the live, durable entries lie. An entry that was cut off
// is in no extent, so it never comes back.
//
// Thread-safe: the log's strand changes it, after each sync; others may look up meanwhile.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "zkq/types.h"

namespace zkq::storage {

// Entries that follow each other in a segment with no dead one in between: all
// entries from `record` in the batch at `begin` on, up to the entry `last`.
struct Extent {
  Zxid prev = {};  // the entry before the first
  Zxid last = {};
  uint64_t segment = 0;
  uint64_t begin = 0;  // of the batch with the first entry
  uint64_t end = 0;    // of the batch with the last entry
  size_t record = 0;   // position in the first batch's payload
};

class Index {
 public:
  // One step of the history: an extent to append, or the entry it was cut or rebased to.
  struct Change {
    enum class Kind { kAppend, kTruncate, kRebase };
    Kind kind = Kind::kAppend;
    Extent extent = {};
    Zxid zxid = {};
  };
  void Begin(Zxid last);  // nothing is indexed, the history ends at `last`
  // kInternal: a change does not go on from the one before.
  absl::Status Apply(const std::vector<Change>& changes);
  // Forgets the extents in segments before `segment`.
  void Purge(uint64_t segment);

  // The entries after this one are indexed.
  Zxid begin() const;
  // The extents with the entries after `after`: the one where these begin, and as many
  // more as hold `bytes_max`. Empty if `after` is the last entry, nothing if it lies outside
  // the index. (Whether `after` is an entry at all is seen when the first extent is read.)
  std::optional<std::vector<Extent>> After(Zxid after, uint64_t bytes_max) const;

 private:
  absl::Status Append(const Extent& extent);
  absl::Status Truncate(const Change& cut);

  mutable std::mutex mutex_;
  std::vector<Extent> extents_;  // contiguous: prev is the last of the one before
  Zxid last_ = {};
  bool joinable_ = false;  // nothing dead lies after the last extent
};

}  // namespace zkq::storage
