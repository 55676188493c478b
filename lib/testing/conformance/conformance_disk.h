// The file system under test, as the claims of its conformance suite use it.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/testing/conformance/claims.h"
#include "zkq/testing/conformance.h"

namespace zkq::testing {

// The directory a claim is tried in. Everything that must succeed is expected to:
// where it does not, the trial is over and what is returned stands for nothing.
class ConformanceDisk {
 public:
  ConformanceDisk(FileSystemUnderTest under_test, Trial* trial)
      : under_test_(std::move(under_test)), trial_(*trial) {}

  const FileSystemUnderTest& under_test() const { return under_test_; }
  FileSystem& files() const { return *under_test_.file_system; }
  const std::string& directory() const { return under_test_.directory; }
  std::string Path(const std::string& name) const { return directory() + "/" + name; }

  // Null on failure.
  std::unique_ptr<File> Open(const std::string& name, FileSystem::Mode mode) const {
    absl::StatusOr<std::unique_ptr<File>> file = files().Open(Path(name), mode);
    return trial_.ExpectOk(file.status(), "Open " + name) ? *std::move(file) : nullptr;
  }
  std::unique_ptr<File> Create(const std::string& name, std::string_view bytes = {}) const {
    std::unique_ptr<File> file = Open(name, FileSystem::Mode::kCreate);
    return file != nullptr && (bytes.empty() || Write(*file, 0, bytes)) ? std::move(file) : nullptr;
  }

  bool WritePieces(File& file, uint64_t offset, absl::Span<const std::string_view> pieces) const {
    return trial_.ExpectOk(file.Write(offset, pieces), "Write");
  }
  bool Write(File& file, uint64_t offset, std::string_view bytes) const {
    return WritePieces(file, offset, {&bytes, 1});
  }
  // Expects what is read of `file`, asking for `size` bytes from `offset` on.
  bool Reads(File& file, uint64_t offset, size_t size, std::string_view wanted) const {
    std::string buffer(size, '?');
    absl::StatusOr<size_t> read = file.Read(offset, size, buffer.data());
    if (!trial_.ExpectOk(read.status(), "Read")) return false;
    buffer.resize(std::min(*read, size));
    return trial_.ExpectEqual(buffer, wanted, "what is read at " + Shown(offset));
  }
  bool Sizes(File& file, uint64_t wanted) const {
    absl::StatusOr<uint64_t> size = file.Size();
    return trial_.ExpectOk(size.status(), "Size") &&
           trial_.ExpectEqual(*size, wanted, "the file's size");
  }
  // Expects the whole contents of a file, opened for that.
  bool Holds(const std::string& name, std::string_view wanted) const {
    const std::unique_ptr<File> file = Open(name, FileSystem::Mode::kRead);
    return file != nullptr && Sizes(*file, wanted.size()) &&
           Reads(*file, 0, wanted.size() + 1, wanted);
  }
  bool Lists(const std::string& path, const std::vector<std::string>& wanted) const {
    absl::StatusOr<std::vector<std::string>> names = files().List(path);
    return trial_.ExpectOk(names.status(), "List") &&
           trial_.ExpectEqual(*names, wanted, "the list of names");
  }

 private:
  const FileSystemUnderTest under_test_;
  Trial& trial_;
};

}  // namespace zkq::testing
