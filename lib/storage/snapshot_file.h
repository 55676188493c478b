// A snapshot file, byte by byte as in README.md: a header, the records in
// checksummed chunks, a footer over all of it. Any flipped bit, missing part or
// trailing byte is found; the reader is total on any input.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/storage/buffered_reader.h"
#include "zkq/env.h"
#include "zkq/state_machine.h"
#include "zkq/types.h"

namespace zkq::storage {

inline constexpr uint32_t kSnapshotVersion = 1;
inline constexpr size_t kSnapshotRecordBytesMax = 64 << 20;

// Writes the file from its beginning. One thread.
class SnapshotFileWriter final : public SnapshotWriter {
 public:
  SnapshotFileWriter(File* file, Zxid zxid);

  // kInvalidArgument: the record is too large.
  absl::Status WriteRecord(std::string_view record) override;
  // Writes the footer and makes the contents durable.
  absl::Status Finish();

 private:
  void AddChunk(std::string_view payload, uint32_t flags);
  absl::Status Flush();

  File& file_;
  std::string buffer_;    // not written yet: up to one record and a little more
  uint64_t written_ = 0;  // before the buffer
  uint32_t crc_ = 0;      // of all before the footer
  uint64_t records_ = 0;
  absl::Status status_ = absl::OkStatus();
};

// One thread; the file must not change meanwhile.
class SnapshotFileReader final : public SnapshotReader {
 public:
  // kDataLoss: no valid header, or that of another zxid. kFailedPrecondition: a
  // newer format.
  static absl::StatusOr<std::unique_ptr<SnapshotFileReader>> Open(FileSystem* file_system,
                                                                  const std::string& path,
                                                                  Zxid zxid);

  absl::StatusOr<bool> ReadRecord(std::string* record) override;

 private:
  struct Chunk {
    std::string_view payload;
    uint32_t flags = 0;
  };
  explicit SnapshotFileReader(BufferedReader file) : file_(std::move(file)) {}
  absl::Status ReadHeader(Zxid zxid);
  absl::StatusOr<bool> ReadChunks(std::string* record);
  absl::StatusOr<Chunk> ReadChunk();
  absl::Status CheckFooter(std::string_view payload, uint64_t begin) const;
  absl::Status Damaged(const char* what) const;

  BufferedReader file_;
  uint64_t offset_ = 0;
  uint32_t crc_ = 0;         // of all before offset_
  uint32_t crc_before_ = 0;  // of all before the chunk read last
  uint64_t records_ = 0;
  bool at_end_ = false;
  absl::Status status_ = absl::OkStatus();
};

}  // namespace zkq::storage
