// Slicing by 8: eight bytes at a time go through eight tables. Table n says what a byte
// amounts to that n other bytes follow.
#include "lib/base/crc32c_table.h"

#include <array>

namespace zkq {
namespace {

using Table = std::array<uint32_t, 256>;

constexpr uint32_t kPolynomial = 0x82f63b78;  // Castagnoli's, its bits in reverse

constexpr std::array<Table, 8> MakeTables() {
  std::array<Table, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc % 2 == 1 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t n = 1; n < 8; ++n) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t crc = tables[n - 1][byte];
      tables[n][byte] = (crc >> 8) ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}

constexpr std::array<Table, 8> kTables = MakeTables();

}  // namespace

uint32_t Crc32cByTable(std::string_view bytes, uint32_t crc) {
  crc = ~crc;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    uint32_t next = 0;
    for (size_t i = 0; i < 8; ++i) {
      const uint32_t before = i < 4 ? crc >> (8 * i) : 0;
      next ^= kTables[7 - i][(static_cast<unsigned char>(bytes[i]) ^ before) & 0xff];
    }
    crc = next;
  }
  for (char byte : bytes) {
    crc = (crc >> 8) ^ kTables[0][(static_cast<unsigned char>(byte) ^ crc) & 0xff];
  }
  return ~crc;
}

}  // namespace zkq
