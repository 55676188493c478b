// CRC32C without special instructions, at about 1.5 GB/s where ISA-L's does some 40: what
// Crc32c is where there is no ISA-L.
#pragma once

#include <cstdint>
#include <string_view>

namespace zkq {

// As Crc32c.
uint32_t Crc32cByTable(std::string_view bytes, uint32_t crc = 0);

}  // namespace zkq
