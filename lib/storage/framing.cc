#include "lib/storage/framing.h"

#include <cinttypes>
#include <cstdio>

#include "lib/base/crc32c.h"
#include "lib/wire/protobuf.h"

namespace zkq::storage {
namespace {

using wire::LittleEndian32;
using wire::LittleEndian64;
using wire::PutLittleEndian32;
using wire::PutLittleEndian64;

constexpr FileKind kSegment = {.magic = "zkq-log\n", .version = 1};
constexpr size_t kSegmentFieldsBytes = 12;

constexpr uint32_t kBatchMagic = 0x42716b7a;  // "zkqB"
constexpr size_t kCrcFrom = 8;                // a batch header's CRC covers what follows it

constexpr std::string_view kNamePrefix = "log-";
constexpr size_t kNameDigits = 16;

std::optional<uint64_t> ParseHex(std::string_view digits) {
  uint64_t value = 0;
  for (char c : digits) {
    const bool decimal = c >= '0' && c <= '9';
    if (!decimal && !(c >= 'a' && c <= 'f')) return std::nullopt;
    value = value << 4 | static_cast<uint64_t>(decimal ? c - '0' : c - 'a' + 10);
  }
  return value;
}

}  // namespace

std::string SegmentName(uint64_t number) {
  char name[kNamePrefix.size() + kNameDigits + 1];
  std::snprintf(name, sizeof(name), "log-%016" PRIx64, number);
  return name;
}

std::optional<uint64_t> ParseSegmentName(std::string_view name) {
  if (!name.starts_with(kNamePrefix)) return std::nullopt;
  name.remove_prefix(kNamePrefix.size());
  if (name.size() != kNameDigits) return std::nullopt;
  return ParseHex(name);
}

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  char fields[kSegmentFieldsBytes];
  PutLittleEndian64(fields, header.number);
  PutLittleEndian32(fields + 8, header.chain);
  return EncodeFileHead(kSegment, {fields, sizeof(fields)});
}

HeadState DecodeSegmentHeader(std::string_view sector, SegmentHeader* header) {
  std::string_view fields;
  const HeadState state = DecodeFileHead(kSegment, sector, &fields);
  if (state != HeadState::kValid) return state;
  header->number = LittleEndian64(&fields[0]);
  header->chain = LittleEndian32(&fields[8]);
  return state;
}

void EncodeBatchHeader(BatchHeader* header, char* to) {
  PutLittleEndian32(to, kBatchMagic);
  PutLittleEndian64(to + 8, header->segment);
  PutLittleEndian64(to + 16, header->offset);
  PutLittleEndian64(to + 24, header->durable_before);
  PutLittleEndian32(to + 32, header->payload_size);
  PutLittleEndian32(to + 36, header->payload_crc);
  PutLittleEndian32(to + 40, header->previous);
  PutLittleEndian32(to + 44, static_cast<uint32_t>(header->kind));
  PutLittleEndian32(to + 48, header->commit.epoch);
  PutLittleEndian32(to + 52, header->commit.counter);
  PutLittleEndian64(to + 56, 0);
  header->crc = Crc32c({to + kCrcFrom, kBatchHeaderBytes - kCrcFrom});
  PutLittleEndian32(to + 4, header->crc);
}

std::optional<BatchHeader> DecodeBatchHeader(std::string_view bytes) {
  if (bytes.size() < kBatchHeaderBytes) return std::nullopt;
  const char* from = bytes.data();
  if (LittleEndian32(from) != kBatchMagic) return std::nullopt;
  BatchHeader header;
  header.crc = LittleEndian32(from + 4);
  if (Crc32c({from + kCrcFrom, kBatchHeaderBytes - kCrcFrom}) != header.crc) return std::nullopt;
  header.segment = LittleEndian64(from + 8);
  header.offset = LittleEndian64(from + 16);
  header.durable_before = LittleEndian64(from + 24);
  header.payload_size = LittleEndian32(from + 32);
  header.payload_crc = LittleEndian32(from + 36);
  header.previous = LittleEndian32(from + 40);
  header.kind = static_cast<BatchKind>(LittleEndian32(from + 44));
  header.commit = {LittleEndian32(from + 48), LittleEndian32(from + 52)};
  return header;
}

void EncodeRecordHeader(RecordType type, size_t size, char* to) {
  to[0] = static_cast<char>(type);
  PutLittleEndian32(to + 1, static_cast<uint32_t>(size));
}

bool RecordReader::Next() {
  const std::string_view rest = payload_.substr(next_);
  if (!ok_ || rest.empty()) return false;
  position_ = next_;
  type_ = static_cast<RecordType>(rest[0]);
  ok_ = type_ >= RecordType::kState && type_ <= kRecordTypeMax &&
        rest.size() >= kRecordHeaderBytes &&
        rest.size() - kRecordHeaderBytes >= LittleEndian32(&rest[1]);
  if (!ok_) return false;
  body_ = rest.substr(kRecordHeaderBytes, LittleEndian32(&rest[1]));
  next_ += kRecordHeaderBytes + body_.size();
  return true;
}

}  // namespace zkq::storage
