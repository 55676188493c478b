// CRC32C (Castagnoli), as in RFC 3720 B.4.
#pragma once

#include <cstdint>
#include <string_view>

namespace zkq {

// Continues `crc` (0 to begin) over `bytes`.
uint32_t Crc32c(std::string_view bytes, uint32_t crc = 0);

}  // namespace zkq
