// Reads the batches of one log segment, checking every CRC and every binding.
// One thread; other threads read the same segment through readers of their own.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/storage/buffered_reader.h"
#include "lib/storage/framing.h"
#include "zkq/env.h"

namespace zkq::storage {

struct ReadBatch {
  BatchHeader header = {};
  std::string_view payload = {};  // without padding; valid until the reader's next call
};

class SegmentReader {
 public:
  static absl::StatusOr<SegmentReader> Open(FileSystem* file_system, const std::string& directory,
                                            uint64_t number,
                                            FileSystem::Mode mode = FileSystem::Mode::kRead);

  const std::string& path() const { return file_.path(); }
  uint64_t number() const { return number_; }
  uint64_t size() const { return file_.size(); }

  absl::StatusOr<HeadState> ReadHeader(SegmentHeader* header);
  // The batch at `offset`. Nothing unless it is whole, undamaged, and names this
  // place; the caller looks at its chain.
  absl::StatusOr<std::optional<ReadBatch>> Read(uint64_t offset);

  // Where a batch after `from` says that `from` was durable before it was
  // written; nothing if none does. `from` begins a sector.
  absl::StatusOr<std::optional<uint64_t>> FindDurableMark(uint64_t from);
  // The end of the last sector from `from` on that is not all zeros, or `from`.
  absl::StatusOr<uint64_t> EndOfBytes(uint64_t from);

 private:
  SegmentReader(BufferedReader file, uint64_t number) : file_(std::move(file)), number_(number) {}
  // The undamaged header at `offset` that names this place; nothing if there is none.
  absl::StatusOr<std::optional<BatchHeader>> ReadBatchHeader(uint64_t offset);

  BufferedReader file_;
  uint64_t number_;
};

}  // namespace zkq::storage
