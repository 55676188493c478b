#include "lib/storage/file_head.h"

#include "lib/base/crc32c.h"
#include "lib/wire/protobuf.h"

namespace zkq::storage {
namespace {

constexpr size_t kVersionAt = 8;
constexpr size_t kFieldsAt = 16;
constexpr size_t kCrcAt = kSectorBytes - 4;

}  // namespace

std::string EncodeFileHead(const FileKind& kind, std::string_view fields) {
  std::string sector(kSectorBytes, '\0');
  kind.magic.copy(sector.data(), kVersionAt);
  wire::PutLittleEndian32(&sector[kVersionAt], kind.version);
  fields.copy(&sector[kFieldsAt], kCrcAt - kFieldsAt);
  wire::PutLittleEndian32(&sector[kCrcAt], Crc32c(std::string_view(sector).substr(0, kCrcAt)));
  return sector;
}

HeadState DecodeFileHead(const FileKind& kind, std::string_view sector, std::string_view* fields) {
  if (sector.size() < kSectorBytes || !sector.starts_with(kind.magic)) return HeadState::kAbsent;
  if (Crc32c(sector.substr(0, kCrcAt)) != wire::LittleEndian32(&sector[kCrcAt])) {
    return HeadState::kAbsent;
  }
  if (wire::LittleEndian32(&sector[kVersionAt]) > kind.version) return HeadState::kNewer;
  *fields = sector.substr(kFieldsAt, kCrcAt - kFieldsAt);
  return HeadState::kValid;
}

}  // namespace zkq::storage
