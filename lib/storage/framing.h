// How a log segment is cut into batches and records, byte by byte as in
// README.md. Pure: bytes in, values out, total on any input. What is exported is for
// the testing kit, which reads logs by itself.
//
// A batch is bound to its place three times over: it names its segment and its
// offset, and it repeats the CRC of the batch header before it. So bytes that
// were valid once, somewhere or at another time, are not valid here and now.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/storage/file_head.h"
#include "zkq/types.h"

namespace zkq::storage {

inline constexpr size_t kBatchHeaderBytes = 64;
inline constexpr size_t kRecordHeaderBytes = 5;

constexpr uint64_t SectorsUp(uint64_t bytes) {
  return (bytes + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
}

// "log-<16 hex digits>"; nothing if `name` is not of that form.
std::string SegmentName(uint64_t number);
ZKQ_EXPORT std::optional<uint64_t> ParseSegmentName(std::string_view name);

struct SegmentHeader {
  uint64_t number = 0;
  uint32_t chain = 0;  // CRC of the last batch header of the segment before; 0 in the first
};
// One sector.
std::string EncodeSegmentHeader(const SegmentHeader& header);

HeadState DecodeSegmentHeader(std::string_view sector, SegmentHeader* header);

enum class BatchKind : uint32_t {
  // Transactions and nothing else, as proposals carry them (lib/wire/txn.h): the same
  // bytes at every member, so that one can be rebuilt from another member's copy.
  kEntries = 1,
  kRecords = 2,  // what is this server's own: RecordReader takes them
};

struct BatchHeader {
  uint64_t segment = 0;
  uint64_t offset = 0;          // where this header begins in the segment
  uint64_t durable_before = 0;  // the segment was known durable up to here
  uint32_t payload_size = 0;    // without the zeros that fill the last sector
  uint32_t payload_crc = 0;     // with them
  uint32_t previous = 0;        // the `crc` of the batch before
  BatchKind kind = BatchKind::kRecords;
  Zxid commit = {};  // known committed when this was written
  uint32_t crc = 0;  // of all of the above; set by Encode and Decode

  uint64_t payload_begin() const { return offset + kBatchHeaderBytes; }
  uint64_t end() const { return SectorsUp(payload_begin() + payload_size); }
};
// Writes kBatchHeaderBytes to `to`.
void EncodeBatchHeader(BatchHeader* header, char* to);
// Nothing unless `bytes` begins with an undamaged header.
ZKQ_EXPORT std::optional<BatchHeader> DecodeBatchHeader(std::string_view bytes);

enum class RecordType : uint8_t {
  kState = 1,     // HardState
  kTruncate = 2,  // a zxid: the last entry that stays
  kBase = 3,      // a zxid: the history is this snapshot and nothing after it
  kStart = 4,     // SegmentStart: the first record of a segment, and nowhere else
};
inline constexpr RecordType kRecordTypeMax = RecordType::kStart;

void EncodeRecordHeader(RecordType type, size_t size, char* to);

// Walks the records of a batch of kind kRecords.
class ZKQ_EXPORT RecordReader {
 public:
  explicit RecordReader(std::string_view payload) : payload_(payload) {}

  // False at the end of the records, and at once when they are malformed.
  bool Next();
  bool ok() const { return ok_; }

  RecordType type() const { return type_; }
  std::string_view body() const { return body_; }
  size_t position() const { return position_; }  // of the record in the payload

 private:
  std::string_view payload_;
  std::string_view body_;
  size_t position_ = 0;
  size_t next_ = 0;
  RecordType type_ = {};
  bool ok_ = true;
};

}  // namespace zkq::storage
