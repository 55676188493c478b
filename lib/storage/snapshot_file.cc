#include "lib/storage/snapshot_file.h"

#include <optional>

#include "lib/base/crc32c.h"
#include "lib/storage/file_head.h"
#include "lib/wire/disk.h"
#include "lib/wire/protobuf.h"

namespace zkq::storage {
namespace {

using wire::LittleEndian32;
using wire::LittleEndian64;
using wire::PutLittleEndian32;
using wire::PutLittleEndian64;

constexpr FileKind kSnapshot = {.magic = "zkq-snap", .version = 1};
constexpr size_t kDigestAt = 0, kMetaSizeAt = 16, kMetaCrcAt = 20,
                 kFieldsBytes = 24;  // of the head

constexpr size_t kChunkHeaderBytes = 16;
constexpr size_t kChunkBytesMax = 256 << 10;
constexpr uint32_t kRecordEnd = 1;
constexpr uint32_t kFooter = 2;
constexpr size_t kFooterBytes = 16;

constexpr size_t kBufferBytes = 1 << 20;

std::string EncodeHead(const Id128& digest, std::string_view meta) {
  char fields[kFieldsBytes];
  PutLittleEndian64(fields + kDigestAt, digest.high);
  PutLittleEndian64(fields + kDigestAt + 8, digest.low);
  PutLittleEndian32(fields + kMetaSizeAt, static_cast<uint32_t>(meta.size()));
  PutLittleEndian32(fields + kMetaCrcAt, Crc32c(meta));
  return EncodeFileHead(kSnapshot, {fields, sizeof(fields)});
}

}  // namespace

SnapshotFileWriter::SnapshotFileWriter(File* file, const SnapshotMeta& meta)
    : file_(*file),
      meta_(EncodeSnapshotMeta(meta)),
      buffer_(meta_),
      written_(kSectorBytes),
      digest_(Fnv1a128(meta_)) {}

void SnapshotFileWriter::AddChunk(std::string_view payload, uint32_t flags) {
  char header[kChunkHeaderBytes];
  PutLittleEndian32(header, static_cast<uint32_t>(payload.size()));
  PutLittleEndian32(header + 4, flags);
  PutLittleEndian32(header + 8, Crc32c(payload));
  PutLittleEndian32(header + 12, Crc32c({header, 12}));
  digest_ = Fnv1a128({header, sizeof(header)}, digest_);
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
  written_ += buffer_.size();
  buffer_.clear();
  return status;
}

absl::Status SnapshotFileWriter::Finish() {
  char footer[kFooterBytes];
  PutLittleEndian64(footer, records_);
  PutLittleEndian64(footer + 8, written_ + buffer_.size());
  AddChunk({footer, sizeof(footer)}, kFooter);
  if (status_.ok()) status_ = Flush();
  const std::string head = EncodeHead(digest_, meta_);
  const std::string_view piece = head;
  if (status_.ok()) status_ = file_.Write(0, {&piece, 1});
  if (status_.ok()) status_ = file_.Sync();
  return status_;
}

absl::StatusOr<std::unique_ptr<SnapshotFileReader>> SnapshotFileReader::Open(
    FileSystem* file_system, const std::string& path, Zxid zxid) {
  absl::StatusOr<BufferedReader> file =
      BufferedReader::Open(file_system, path, FileSystem::Mode::kRead);
  if (!file.ok()) return file.status();
  std::unique_ptr<SnapshotFileReader> reader(new SnapshotFileReader(*std::move(file)));
  absl::Status status = reader->ReadHead(zxid);
  if (!status.ok()) return status;
  return reader;
}

absl::Status SnapshotFileReader::ReadHead(Zxid zxid) {
  absl::StatusOr<std::string_view> bytes = file_.Peek(0, kSectorBytes);
  if (!bytes.ok()) return bytes.status();
  std::string_view fields;
  const HeadState state = DecodeFileHead(kSnapshot, *bytes, &fields);
  if (state == HeadState::kAbsent) return Damaged("no valid snapshot head");
  if (state == HeadState::kNewer) {
    return absl::FailedPreconditionError(file_.path() + ": written by a newer version of zkq");
  }
  told_ = {LittleEndian64(&fields[kDigestAt]), LittleEndian64(&fields[kDigestAt + 8])};
  const uint32_t size = LittleEndian32(&fields[kMetaSizeAt]);
  const uint32_t crc = LittleEndian32(&fields[kMetaCrcAt]);
  offset_ = kSectorBytes;
  bytes = file_.Peek(offset_, size);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() < size || Crc32c(*bytes) != crc) return Damaged("a damaged description");
  const std::optional<SnapshotMeta> meta = DecodeSnapshotMeta(*bytes);
  if (!meta || meta->zxid != zxid) return Damaged("the description of another snapshot");
  meta_ = *meta;
  digest_ = Fnv1a128(*bytes);
  offset_ += size;
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
      if (!Fits(chunk->payload, begin)) return Damaged("a footer or a digest that does not fit");
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
  digest_ = Fnv1a128(header, digest_);
  return Chunk{*bytes, LittleEndian32(&header[4])};
}

bool SnapshotFileReader::Fits(std::string_view footer, uint64_t begin) const {
  return footer.size() == kFooterBytes && LittleEndian64(&footer[0]) == records_ &&
         LittleEndian64(&footer[8]) == begin && digest_ == told_ && offset_ == file_.size();
}

absl::Status SnapshotFileReader::Damaged(const char* what) const {
  return absl::DataLossError(file_.path() + ": " + what + " at byte " + std::to_string(offset_));
}

}  // namespace zkq::storage
