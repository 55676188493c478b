// FileHead: the first sector of a log segment or a snapshot. Magic, version and CRC keep
// their places in every version to come: a version is believed, and refused, only under
// a CRC that fits. Pure; total on any input.
//
//   offset  size
//        0     8  magic
//        8     4  version
//       12     4  0
//       16   492  what the kind of file has there
//      508     4  CRC of bytes 0 … 507
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zkq::storage {

// What a torn write damages: a file's head and each batch begin on one, so that a write
// can damage nothing durable beside it.
inline constexpr uint64_t kSectorBytes = 512;

struct FileKind {
  std::string_view magic;  // 8 bytes
  uint32_t version = 0;
};

// One sector. `fields`: at most 492 bytes.
std::string EncodeFileHead(const FileKind& kind, std::string_view fields);

enum class HeadState { kAbsent, kValid, kNewer };
// kAbsent: not a head of this kind that was written whole. kNewer: of a later version.
// `fields`, of 492 bytes, is a part of `sector` if it is kValid.
HeadState DecodeFileHead(const FileKind& kind, std::string_view sector, std::string_view* fields);

}  // namespace zkq::storage
