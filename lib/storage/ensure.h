// What only a bug in lib/storage can break, checked in release builds too: the function
// that finds it returns kInternal, which names the condition, the file and the offset. A
// log is dead after that, so its replica halts, and what is on the disk stays as it is.
//
// What the world can do to a file (damage, a torn write, another version) is no case for
// this: that is kDataLoss or kFailedPrecondition.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "lib/base/checks.h"

namespace zkq::storage {

absl::Status BrokenInvariant(std::string_view condition, std::string_view path, uint64_t offset);

}  // namespace zkq::storage

// In a function that returns a Status or a StatusOr. `path` and `offset` say where the file
// was being written or read; they are evaluated only if the condition does not hold.
#define ZKQ_ENSURE(condition, path, offset)                                        \
  do {                                                                             \
    if (!(condition)) {                                                            \
      return ::zkq::storage::BrokenInvariant(                                      \
          #condition " at " __FILE__ ":" ZKQ_CHECK_LINE_(__LINE__), path, offset); \
    }                                                                              \
  } while (false)
