#include "lib/base/crc32c.h"

#ifdef ZKQ_WITH_ISAL
#include <isa-l/crc.h>
#else
#include "lib/base/crc32c_table.h"
#endif

namespace zkq {

#ifdef ZKQ_WITH_ISAL

// ISA-L works on the bare shift register. The CRC of RFC 3720 starts it with all
// ones and complements the end, so a finished CRC goes on from its complement.
uint32_t Crc32c(std::string_view bytes, uint32_t crc) {
  constexpr size_t kStepMax = size_t{1} << 30;  // crc32_iscsi takes its length as an int
  uint32_t shift_register = ~crc;
  while (!bytes.empty()) {
    const std::string_view step = bytes.substr(0, kStepMax);
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(step.data()));
    shift_register = crc32_iscsi(data, static_cast<int>(step.size()), shift_register);
    bytes.remove_prefix(step.size());
  }
  return ~shift_register;
}

#else

uint32_t Crc32c(std::string_view bytes, uint32_t crc) { return Crc32cByTable(bytes, crc); }

#endif

}  // namespace zkq
