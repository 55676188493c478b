// A snapshot file, byte by byte as in README.md: a head that says what it is a snapshot
// of, the records in checksummed chunks, a footer; the head has a digest of all of it.
// Any flipped bit, missing part or trailing byte is found; the reader is total on any
// input.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/base/hash128.h"
#include "lib/base/snapshot_meta.h"
#include "lib/storage/buffered_reader.h"
#include "zkq/env.h"
#include "zkq/state_machine.h"
#include "zkq/types.h"

namespace zkq::storage {

inline constexpr size_t kSnapshotRecordBytesMax = 64 << 20;

// Writes the file, which is new. It has no head, so it is no snapshot, before Finish. One
// thread.
class SnapshotFileWriter final : public SnapshotWriter {
 public:
  SnapshotFileWriter(File* file, const SnapshotMeta& meta);

  // kInvalidArgument: the record is too large.
  absl::Status WriteRecord(std::string_view record) override;
  // Writes footer and head, and makes the contents durable.
  absl::Status Finish();

 private:
  void AddChunk(std::string_view payload, uint32_t flags);
  absl::Status Flush();

  File& file_;
  const std::string meta_;  // encoded
  std::string buffer_;      // not written yet: up to one record and a little more
  uint64_t written_;        // before the buffer
  Id128 digest_;            // so far
  uint64_t records_ = 0;
  absl::Status status_ = absl::OkStatus();
};

// One thread; the file must not change meanwhile.
class SnapshotFileReader final : public SnapshotReader {
 public:
  // kDataLoss: no valid head, or that of another zxid. kFailedPrecondition: a newer
  // format. The digest is checked at the end of the records.
  static absl::StatusOr<std::unique_ptr<SnapshotFileReader>> Open(FileSystem* file_system,
                                                                  const std::string& path,
                                                                  Zxid zxid);

  absl::StatusOr<bool> ReadRecord(std::string* record) override;
  const SnapshotMeta& meta() const { return meta_; }
  uint64_t offset() const { return offset_; }  // how far into the file it has read
  uint64_t size() const { return file_.size(); }

 private:
  struct Chunk {
    std::string_view payload;
    uint32_t flags = 0;
  };
  explicit SnapshotFileReader(BufferedReader file) : file_(std::move(file)) {}
  absl::Status ReadHead(Zxid zxid);
  absl::StatusOr<bool> ReadChunks(std::string* record);
  absl::StatusOr<Chunk> ReadChunk();
  bool Fits(std::string_view footer, uint64_t begin) const;
  absl::Status Damaged(const char* what) const;

  BufferedReader file_;
  SnapshotMeta meta_;
  Id128 told_;    // the digest that the head has
  Id128 digest_;  // so far
  uint64_t offset_ = 0;
  uint64_t records_ = 0;
  bool at_end_ = false;
  absl::Status status_ = absl::OkStatus();
};

}  // namespace zkq::storage
