#include "lib/storage/ensure.h"

#include "absl/strings/str_cat.h"
#include "lib/base/absl/string_view.h"

namespace zkq::storage {

absl::Status BrokenInvariant(std::string_view condition, std::string_view path, uint64_t offset) {
  return absl::InternalError(absl::StrCat("broken invariant: ", ToAbsl(condition), "; ",
                                          ToAbsl(path), " at byte ", offset));
}

}  // namespace zkq::storage
