#include "lib/storage/buffered_reader.h"

#include <algorithm>

namespace zkq::storage {
namespace {

constexpr uint64_t kReadAheadBytes = 256 << 10;

}  // namespace

absl::StatusOr<BufferedReader> BufferedReader::Open(FileSystem* file_system, std::string path,
                                                    FileSystem::Mode mode) {
  absl::StatusOr<std::unique_ptr<File>> file = file_system->Open(path, mode);
  if (!file.ok()) return file.status();
  absl::StatusOr<uint64_t> size = (*file)->Size();
  if (!size.ok()) return size.status();
  return BufferedReader(*std::move(file), std::move(path), *size);
}

absl::StatusOr<std::string_view> BufferedReader::Peek(uint64_t offset, uint64_t size) {
  if (offset >= size_) return std::string_view();
  size = std::min(size, size_ - offset);
  if (offset < buffer_at_ || offset + size > buffer_at_ + buffer_.size()) {
    buffer_.resize(std::min(std::max(size, kReadAheadBytes), size_ - offset));
    buffer_at_ = offset;
    absl::StatusOr<size_t> read = file_->Read(offset, buffer_.size(), buffer_.data());
    buffer_.resize(read.ok() ? *read : 0);
    if (!read.ok()) return read.status();
  }
  return std::string_view(buffer_).substr(offset - buffer_at_, size);
}

}  // namespace zkq::storage
