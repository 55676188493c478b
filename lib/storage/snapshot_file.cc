#include "lib/storage/snapshot_file.h"

#include <utility>

#include "lib/base/crc32c.h"
#include "lib/wire/protobuf.h"

namespace zkq::storage {
namespace {

using wire::LittleEndian32;
using wire::LittleEndian64;
using wire::PutLittleEndian32;
using wire::PutLittleEndian64;

// Magic, version and CRC stay where they are in every version to come.
constexpr std::string_view kMagic = "zkq-snap";
constexpr size_t kHeaderBytes = 32;
constexpr size_t kHeaderCrcAt = kHeaderBytes - 4;

constexpr size_t kChunkHeaderBytes = 16;
constexpr size_t kChunkBytesMax = 256 << 10;
constexpr uint32_t kRecordEnd = 1;
constexpr uint32_t kFooter = 2;
constexpr size_t kFooterBytes = 24;

constexpr size_t kBufferBytes = 1 << 20;

std::string EncodeHeader(Zxid zxid) {
  std::string header(kHeaderBytes, '\0');
  kMagic.copy(header.data(), kMagic.size());
  PutLittleEndian32(&header[8], kSnapshotVersion);
  PutLittleEndian32(&header[12], zxid.epoch);
  PutLittleEndian32(&header[16], zxid.counter);
  PutLittleEndian32(&header[kHeaderCrcAt], Crc32c({header.data(), kHeaderCrcAt}));
  return header;
}

}  // namespace

SnapshotFileWriter::SnapshotFileWriter(File* file, Zxid zxid)
    : file_(*file), buffer_(EncodeHeader(zxid)) {}

void SnapshotFileWriter::AddChunk(std::string_view payload, uint32_t flags) {
  char header[kChunkHeaderBytes];
  PutLittleEndian32(header, static_cast<uint32_t>(payload.size()));
  PutLittleEndian32(header + 4, flags);
  PutLittleEndian32(header + 8, Crc32c(payload));
  PutLittleEndian32(header + 12, Crc32c({header, 12}));
  buffer_.append(header, sizeof(header));
  buffer_.append(payload);
}

absl::Status SnapshotFileWriter::WriteRecord(std::string_view record) {
  if (!status_.ok()) return status_;
  if (record.size() > kSnapshotRecordBytesMax) {
    return status_ = absl::InvalidArgumentError("a snapshot record of more than 64 MiB");
  }
  ++records_;
  for (; record.size() > kChunkBytesMax; record.remove_prefix(kChunkBytesMax)) {
    AddChunk(record.substr(0, kChunkBytesMax), 0);
    if (buffer_.size() >= kBufferBytes) status_ = Flush();
    if (!status_.ok()) return status_;
  }
  AddChunk(record, kRecordEnd);
  return status_ = buffer_.size() < kBufferBytes ? absl::OkStatus() : Flush();
}

absl::Status SnapshotFileWriter::Flush() {
  const std::string_view piece = buffer_;
  absl::Status status = file_.Write(written_, {&piece, 1});
  crc_ = Crc32c(buffer_, crc_);
  written_ += buffer_.size();
  buffer_.clear();
  return status;
}

absl::Status SnapshotFileWriter::Finish() {
  if (status_.ok()) status_ = Flush();
  char footer[kFooterBytes] = {};
  PutLittleEndian64(footer, records_);
  PutLittleEndian64(footer + 8, written_);
  PutLittleEndian32(footer + 16, crc_);
  AddChunk({footer, sizeof(footer)}, kFooter);
  if (status_.ok()) status_ = Flush();
  if (status_.ok()) status_ = file_.Sync();
  return status_;
}

absl::StatusOr<std::unique_ptr<SnapshotFileReader>> SnapshotFileReader::Open(
    FileSystem* file_system, const std::string& path, Zxid zxid) {
  absl::StatusOr<BufferedReader> file =
      BufferedReader::Open(file_system, path, FileSystem::Mode::kRead);
  if (!file.ok()) return file.status();
  std::unique_ptr<SnapshotFileReader> reader(new SnapshotFileReader(*std::move(file)));
  absl::Status status = reader->ReadHeader(zxid);
  if (!status.ok()) return status;
  return reader;
}

absl::Status SnapshotFileReader::ReadHeader(Zxid zxid) {
  absl::StatusOr<std::string_view> header = file_.Peek(0, kHeaderBytes);
  if (!header.ok()) return header.status();
  if (header->size() < kHeaderBytes || !header->starts_with(kMagic) ||
      Crc32c(header->substr(0, kHeaderCrcAt)) != LittleEndian32(&(*header)[kHeaderCrcAt])) {
    return Damaged("no valid snapshot header");
  }
  if (LittleEndian32(&(*header)[8]) > kSnapshotVersion) {
    return absl::FailedPreconditionError(file_.path() + ": written by a newer version of zkq");
  }
  if (*header != EncodeHeader(zxid)) return Damaged("the header of another snapshot");
  offset_ = kHeaderBytes;
  crc_ = Crc32c(*header);
  return absl::OkStatus();
}

absl::StatusOr<bool> SnapshotFileReader::ReadRecord(std::string* record) {
  if (!status_.ok()) return status_;
  if (at_end_) return false;
  absl::StatusOr<bool> more = ReadChunks(record);
  status_ = more.status();
  return more;
}

absl::StatusOr<bool> SnapshotFileReader::ReadChunks(std::string* record) {
  record->clear();
  for (bool first = true;; first = false) {
    const uint64_t begin = offset_;
    absl::StatusOr<Chunk> chunk = ReadChunk();
    if (!chunk.ok()) return chunk.status();
    if (chunk->flags == kFooter && first) {
      absl::Status footer = CheckFooter(chunk->payload, begin);
      if (!footer.ok()) return footer;
      at_end_ = true;
      return false;
    }
    if (chunk->flags > kRecordEnd) return Damaged("a chunk out of place");
    if (record->size() + chunk->payload.size() > kSnapshotRecordBytesMax) {
      return Damaged("a record of more than 64 MiB");
    }
    record->append(chunk->payload);
    if (chunk->flags != kRecordEnd) continue;
    ++records_;
    return true;
  }
}

absl::StatusOr<SnapshotFileReader::Chunk> SnapshotFileReader::ReadChunk() {
  absl::StatusOr<std::string_view> bytes = file_.Peek(offset_, kChunkHeaderBytes);
  if (!bytes.ok()) return bytes.status();
  const std::string header(*bytes);
  if (header.size() < kChunkHeaderBytes ||
      Crc32c({header.data(), 12}) != LittleEndian32(&header[12])) {
    return Damaged("a damaged chunk header");
  }
  const uint32_t size = LittleEndian32(&header[0]);
  if (size > kChunkBytesMax) return Damaged("a chunk that is too large");
  bytes = file_.Peek(offset_ + kChunkHeaderBytes, size);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() < size || Crc32c(*bytes) != LittleEndian32(&header[8])) {
    return Damaged("a damaged chunk");
  }
  offset_ += kChunkHeaderBytes + size;
  crc_before_ = std::exchange(crc_, Crc32c(*bytes, Crc32c(header, crc_)));
  return Chunk{*bytes, LittleEndian32(&header[4])};
}

absl::Status SnapshotFileReader::CheckFooter(std::string_view payload, uint64_t begin) const {
  const bool fits = payload.size() == kFooterBytes && LittleEndian64(&payload[0]) == records_ &&
                    LittleEndian64(&payload[8]) == begin &&
                    LittleEndian32(&payload[16]) == crc_before_ && offset_ == file_.size();
  return fits ? absl::OkStatus() : Damaged("a footer that does not fit");
}

absl::Status SnapshotFileReader::Damaged(const char* what) const {
  return absl::DataLossError(file_.path() + ": " + what + " at byte " + std::to_string(offset_));
}

}  // namespace zkq::storage
