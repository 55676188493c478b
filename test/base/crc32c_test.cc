#include "lib/base/crc32c.h"

#include <string>

#include "lib/base/crc32c_table.h"

#include "test/harness/catch.h"

namespace zkq {
namespace {

std::string Count(int from, int step) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) bytes.push_back(static_cast<char>(from + i * step));
  return bytes;
}

// RFC 3720 B.4 prints the CRC's bytes as they go over the wire, lowest first.
TEST_CASE("Crc32c gives the CRCs that RFC 3720 B.4 prints") {
  REQUIRE(Crc32c(std::string(32, '\0')) == 0x8a9136aa);
  REQUIRE(Crc32c(std::string(32, '\xff')) == 0x62a8ab43);
  REQUIRE(Crc32c(Count(0, 1)) == 0x46dd794e);
  REQUIRE(Crc32c(Count(31, -1)) == 0x113fdb5c);
  const std::string read_command(
      "\x01\xc0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
      "\x14\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x14\x00\x00\x00\x18"
      "\x28\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00",
      48);
  REQUIRE(Crc32c(read_command) == 0xd9963a56);
}

TEST_CASE("Crc32c gives the check value of CRC-32/ISCSI") {
  REQUIRE(Crc32c("123456789") == 0xe3069283);
  REQUIRE(Crc32c("") == 0);
}

TEST_CASE("a CRC can be continued at any byte") {
  const std::string_view bytes = "123456789";
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    REQUIRE(Crc32c(bytes.substr(cut), Crc32c(bytes.substr(0, cut))) == Crc32c(bytes));
  }
}

// So what is true of one is true of both, and this test tests the tables everywhere.
TEST_CASE("CRCs by table and by ISA-L are the same at every length and alignment") {
  std::string bytes;
  for (uint32_t random = 1; bytes.size() < 400; random = random * 1'664'525 + 1'013'904'223) {
    bytes.push_back(static_cast<char>(random >> 24));
  }
  const std::string_view all = bytes;
  for (size_t from = 0; from < 16; ++from) {
    for (size_t size = 0; size <= all.size() - from; ++size) {
      const std::string_view part = all.substr(from, size);
      REQUIRE(Crc32cByTable(part) == Crc32c(part));
      REQUIRE(Crc32cByTable(part, 0x12345678) == Crc32c(part, 0x12345678));
    }
  }
  REQUIRE(Crc32cByTable("123456789") == 0xe3069283);
  REQUIRE(Crc32cByTable(std::string(32, '\xff')) == 0x62a8ab43);
  REQUIRE(Crc32cByTable("6789", Crc32cByTable("12345")) == 0xe3069283);
}

}  // namespace
}  // namespace zkq
