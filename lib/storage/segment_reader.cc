#include "lib/storage/segment_reader.h"

#include <algorithm>

#include "lib/base/crc32c.h"
#include "lib/storage/ensure.h"

namespace zkq::storage {

absl::StatusOr<SegmentReader> SegmentReader::Open(FileSystem* file_system,
                                                  const std::string& directory, uint64_t number,
                                                  FileSystem::Mode mode) {
  absl::StatusOr<BufferedReader> file =
      BufferedReader::Open(file_system, directory + "/" + SegmentName(number), mode);
  if (!file.ok()) return file.status();
  return SegmentReader(*std::move(file), number);
}

absl::StatusOr<HeadState> SegmentReader::ReadHeader(SegmentHeader* header) {
  absl::StatusOr<std::string_view> sector = file_.Peek(0, kSectorBytes);
  if (!sector.ok()) return sector.status();
  const HeadState state = DecodeSegmentHeader(*sector, header);
  if (state == HeadState::kValid && header->number != number_) return HeadState::kAbsent;
  return state;
}

absl::StatusOr<std::optional<BatchHeader>> SegmentReader::ReadBatchHeader(uint64_t offset) {
  absl::StatusOr<std::string_view> bytes = file_.Peek(offset, kBatchHeaderBytes);
  if (!bytes.ok()) return bytes.status();
  const std::optional<BatchHeader> header = DecodeBatchHeader(*bytes);
  if (!header || header->segment != number_ || header->offset != offset) return std::nullopt;
  return header;
}

absl::StatusOr<std::optional<ReadBatch>> SegmentReader::Read(uint64_t offset) {
  const absl::StatusOr<std::optional<BatchHeader>> found = ReadBatchHeader(offset);
  if (!found.ok()) return found.status();
  if (!*found) return std::nullopt;
  const BatchHeader& header = **found;
  const uint64_t padded = header.end() - header.payload_begin();
  absl::StatusOr<std::string_view> bytes = file_.Peek(header.payload_begin(), padded);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() < padded) return std::nullopt;
  if (Crc32c(*bytes) != header.payload_crc) return std::nullopt;
  return ReadBatch{header, bytes->substr(0, header.payload_size)};
}

absl::StatusOr<std::optional<uint64_t>> SegmentReader::FindDurableMark(uint64_t from) {
  ZKQ_ENSURE(from % kSectorBytes == 0, path(), from);
  // A command may look like batches. So, as long as each batch is followed by the next, what
  // its header calls its payload is skipped. From the first lost header on, a header may be
  // part of a command: every sector is tried, so that none can hide a batch after it.
  bool follows = true;
  for (uint64_t offset = from; offset < size();) {
    absl::StatusOr<std::optional<BatchHeader>> header = ReadBatchHeader(offset);
    if (!header.ok()) return header.status();
    if (*header && (*header)->durable_before > from) return offset;
    follows = follows && *header;
    offset = follows ? (*header)->end() : offset + kSectorBytes;
  }
  return std::nullopt;
}

absl::StatusOr<uint64_t> SegmentReader::EndOfBytes(uint64_t from) {
  ZKQ_ENSURE(from % kSectorBytes == 0, path(), from);
  uint64_t end = from;
  for (uint64_t offset = from; offset < size(); offset += kSectorBytes) {
    absl::StatusOr<std::string_view> bytes = file_.Peek(offset, kSectorBytes);
    if (!bytes.ok()) return bytes.status();
    const auto zero = [](char c) { return c == 0; };
    if (!std::all_of(bytes->begin(), bytes->end(), zero)) end = offset + bytes->size();
  }
  return end;
}

}  // namespace zkq::storage
