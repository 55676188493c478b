// Writes the batches of one log segment.
//
// A sync is cheapest where the file system has nothing to note down but the
// bytes: in space that was written before. So the writer keeps zeros, durable,
// ahead of small batches, a slice at a time and with the sync that is due anyway:
// one small batch in some thousand takes a millisecond longer, and no start or
// roll-over waits for a whole segment of zeros. Large batches cost more than the file
// system's notes and get no zeros.
//
// One thread. After a failure the writer must not be used.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/storage/batch.h"
#include "lib/wire/disk.h"
#include "zkq/env.h"

namespace zkq::storage {

class SegmentWriter {
 public:
  // Where an existing segment goes on.
  struct End {
    uint64_t number = 0;
    uint64_t offset = 0;  // where the next batch begins
    uint32_t chain = 0;   // CRC of the last batch's header
    uint64_t filled = 0;  // zeros reach up to here
    uint64_t full = 0;    // and never further than this
  };

  // Makes segment `number`, beginning with `start`, durable in all: contents
  // and name. `end` says which and what it goes on from: number, chain and full.
  static absl::StatusOr<SegmentWriter> Create(FileSystem* file_system, const std::string& directory,
                                              End end, const SegmentStart& start, Zxid commit);
  // Goes on with a segment that was read back. Mend comes first.
  SegmentWriter(std::unique_ptr<File> file, const End& end);

  // Makes what was read back durable, and zeros of what lies after it up to
  // `dirty_end`: nothing of a torn tail is left to be read as a batch later.
  absl::Status Mend(uint64_t dirty_end);

  // Writes `batch` after the last, and in its header what is known committed; durable
  // after the next Sync.
  absl::Status Write(Batch* batch, Zxid commit);
  absl::Status Sync();

  uint64_t number() const { return end_.number; }
  uint64_t offset() const { return end_.offset; }
  uint32_t chain() const { return end_.chain; }

 private:
  absl::Status FillAhead(uint64_t written);

  std::unique_ptr<File> file_;
  End end_;
  uint64_t durable_ = 0;
};

}  // namespace zkq::storage
