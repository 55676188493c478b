// Reads a log back: every segment in order, every record through the history.
// Writes nothing; the result says what has to be mended.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/storage/index.h"
#include "lib/storage/live_log.h"
#include "lib/storage/log.h"
#include "lib/storage/segment_writer.h"
#include "zkq/env.h"

namespace zkq::storage {

// A segment as Purge sees it.
struct Segment {
  uint64_t number = 0;
  Zxid highest = {};  // of all its entries, the ones that were cut off too
};

// What a crash has left, to be put right before the first write.
struct Leftover {
  std::optional<uint64_t> torn_segment = {};  // never came into being: remove it
  uint64_t dirty_end = 0;                     // above the log's end: zero what lies between
};

struct Replayed {
  LiveLog history;
  std::vector<Segment> segments;  // ascending; empty: there is no log yet
  SegmentWriter::End end;         // of the last one; `full` is for the caller
  Leftover leftover;
  std::vector<Txn> window;
  std::vector<Membership> reconfigurations;
};

// Fills `index` on the way. kDataLoss and kFailedPrecondition as Log::Open says,
// otherwise what the file system says.
absl::StatusOr<Replayed> Replay(FileSystem* file_system, const std::string& directory,
                                const LogOptions& options, Index* index);

}  // namespace zkq::storage
