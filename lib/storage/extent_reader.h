// Reads live entries back from the segments, each checked again on the way.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/storage/index.h"
#include "zkq/env.h"
#include "zkq/types.h"

namespace zkq::storage {

// The entries of `extents` after `after`: up to `bytes_max`, at least one if there
// is one. kOutOfRange: `after` is no entry, or its segment was purged meanwhile.
// kDataLoss: damaged since it was written; names the file and the offset.
absl::StatusOr<std::vector<Txn>> ReadExtents(FileSystem* file_system, const std::string& directory,
                                             const std::vector<Extent>& extents, Zxid after,
                                             size_t bytes_max);

}  // namespace zkq::storage
