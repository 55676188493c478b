// The shipped FileSystem: files of a POSIX host, through the page cache, made
// durable by fdatasync and fsync.
//
// Error codes: kResourceExhausted (no space, quota, file size or descriptors),
// kPermissionDenied (access, read-only file system), kNotFound (a file in the place of a
// directory, too), kInvalidArgument (a path that is too long, or symbolic links in a circle),
// kAlreadyExists, kInternal for everything else. The text names the call, the path and what
// the host says.
#pragma once

#include <memory>

#include "zkq/env.h"

namespace zkq {

std::shared_ptr<FileSystem> NewPosixFileSystem();

}  // namespace zkq
