// Reads a file that does not change under it, a stretch at a time. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "zkq/env.h"

namespace zkq::storage {

class BufferedReader {
 public:
  static absl::StatusOr<BufferedReader> Open(FileSystem* file_system, std::string path,
                                             FileSystem::Mode mode);

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }

  // Up to `size` bytes from `offset`, fewer only at the end of the file; valid
  // until the next call.
  absl::StatusOr<std::string_view> Peek(uint64_t offset, uint64_t size);

 private:
  BufferedReader(std::unique_ptr<File> file, std::string path, uint64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}

  std::unique_ptr<File> file_;
  std::string path_;
  uint64_t size_;
  std::string buffer_;
  uint64_t buffer_at_ = 0;
};

}  // namespace zkq::storage
