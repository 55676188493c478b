// DataDir: everything a replica keeps on disk, opened as one: the lock, the log
// and the snapshots of one directory, and what the three together say.
//
// The directory holds "lock", "log-…" and "snapshot-…". Other files in it are left alone.
//
// Threads: open it anywhere; afterwards each part has its own rules.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/base/recovered.h"
#include "lib/storage/log.h"
#include "lib/storage/snapshots.h"
#include "zkq/env.h"
#include "zkq/types.h"

namespace zkq::storage {

struct DataDirOptions {
  ServerId sid{};
  std::shared_ptr<Random> random = nullptr;  // draws the disk id of a new directory
  int64_t wall_micros = 0;                   // since 1970: the least boot id this life may take
  LogOptions log = {};
};

struct DataDir {
  // Opens `path`, which is made (0700) if it is not there. A new directory gets
  // its first hard state; every opening takes a boot id above all before it.
  // Both are durable on return.
  //
  // kFailedPrecondition: held by another replica, belongs to another sid, or was
  // written by a newer version; nothing was changed. kDataLoss: damage that is
  // not a torn tail, or no snapshot that the log goes on from; names the file, and
  // nothing was changed but leftovers of snapshots swept. kInvalidArgument: no `random`. Otherwise
  // what the file system says.
  static absl::StatusOr<DataDir> Open(std::shared_ptr<FileSystem> file_system,
                                      const std::string& path, const DataDirOptions& options);

  std::unique_ptr<File> lock;  // first, so that it is let go last
  std::unique_ptr<Snapshots> snapshots;
  std::unique_ptr<Log> log;
  Recovered recovered;  // all but `applied`
};

}  // namespace zkq::storage
