#include "lib/base/crc32c.h"

#include <isa-l/crc.h>

namespace zkq {
namespace {

// crc32_iscsi takes its length as an int.
constexpr size_t kStepMax = size_t{1} << 30;

}  // namespace

// ISA-L works on the bare shift register. The CRC of RFC 3720 starts it with all
// ones and complements the end, so a finished CRC goes on from its complement.
uint32_t Crc32c(std::string_view bytes, uint32_t crc) {
  uint32_t shift_register = ~crc;
  while (!bytes.empty()) {
    const std::string_view step = bytes.substr(0, kStepMax);
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(step.data()));
    shift_register = crc32_iscsi(data, static_cast<int>(step.size()), shift_register);
    bytes.remove_prefix(step.size());
  }
  return ~shift_register;
}

}  // namespace zkq
