// The file systems' suite names what is wrong with a disk: one flaw a claim.
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lib/base/absl/string_view.h"
#include "test/harness/catch.h"
#include "zkq/testing/conformance.h"
#include "zkq/testing/memory_file_system.h"

namespace zkq::testing {
namespace {

using Mode = FileSystem::Mode;

enum class FileFlaw {
  kNone,
  kFillsGaps,
  kCutsBehindWrite,
  kFewPieces,
  kSmallPieces,
  kShortReads,
  kNeverShrinks,
  kKeepsCutBytes,
  kLosesUnsynced,
  kNothingToSync,
  kCreateTakesOld,
  kWriteMakesNew,
  kWriteTruncates,
  kReadMayWrite,
  kReadsOnce,
  kFixedEnd,
  kRenameNeedsSpace,
  kRenameCopies,
  kRemoveEmpties,
  kDirectoryOnce,
  kUnsorted,
  kPlainPaths,
  kNoPath,
  kLocksNothing,
  kRefusalFrees,
  kOneLock,
  kOneThread,
};

// A sound disk with one flaw on top.
class FlawedDisk final : public FileSystem {
 public:
  explicit FlawedDisk(FileFlaw flaw) : flaw_(flaw), made_by_(std::this_thread::get_id()) {
    REQUIRE(disk_.CreateDirectory("d").ok());
  }

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, Mode mode) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    auto names = disk_.List(directory);
    if (names.ok() && flaw_ == FileFlaw::kUnsorted) std::reverse(names->begin(), names->end());
    return names;
  }
  absl::Status CreateDirectory(const std::string& path) override {
    if (flaw_ == FileFlaw::kDirectoryOnce && disk_.List(path).ok()) {
      return absl::AlreadyExistsError(path);
    }
    return disk_.CreateDirectory(path);
  }
  absl::Status SyncDirectory(const std::string& directory) override {
    return disk_.SyncDirectory(directory);
  }
  absl::StatusOr<std::unique_ptr<File>> Lock(const std::string& path) override;

 private:
  class OpenFile;
  class HeldLock;

  const FileFlaw flaw_;
  const std::thread::id made_by_;
  MemoryFileSystem disk_;
  std::set<std::string> locked_;
};

class FlawedDisk::OpenFile final : public File {
 public:
  OpenFile(FileFlaw flaw, std::unique_ptr<File> file) : flaw_(flaw), file_(std::move(file)) {}
  ~OpenFile() override {
    if (flaw_ == FileFlaw::kLosesUnsynced && unsynced_) file_->Resize(0).IgnoreError();
  }

  absl::Status Write(uint64_t offset, absl::Span<const std::string_view> pieces) override {
    std::string bytes, cut;
    for (std::string_view piece : pieces.first(PiecesOf(pieces))) bytes += BytesOf(piece);
    const uint64_t size = *file_->Size();
    if (flaw_ == FileFlaw::kFillsGaps && offset > size) {
      bytes.insert(0, offset - size, '?');
      offset = size;
    }
    unsynced_ = true;
    absl::Status written = file_->Write(offset, {bytes});
    if (written.ok() && flaw_ == FileFlaw::kCutsBehindWrite)
      written = file_->Resize(offset + bytes.size());
    return written;
  }
  absl::StatusOr<size_t> Read(uint64_t offset, size_t size, char* buffer) override {
    if (flaw_ == FileFlaw::kShortReads) size = std::min<size_t>(size, 4);
    if (flaw_ == FileFlaw::kReadsOnce) {
      if (read_.empty()) read_ = Contents();
      return offset < read_.size() ? read_.copy(buffer, size, offset) : size_t{0};
    }
    return file_->Read(offset, size, buffer);
  }
  absl::Status Sync() override {
    if (flaw_ == FileFlaw::kNothingToSync && !unsynced_)
      return absl::InternalError("nothing to sync");
    unsynced_ = false;
    return file_->Sync();
  }
  absl::StatusOr<uint64_t> Size() override {
    if (flaw_ != FileFlaw::kFixedEnd) return file_->Size();
    if (size_ == 0) size_ = *file_->Size();
    return size_;
  }
  absl::Status Resize(uint64_t size) override {
    const std::string before = Contents();
    if (flaw_ == FileFlaw::kNeverShrinks && size < before.size()) return absl::OkStatus();
    if (flaw_ == FileFlaw::kKeepsCutBytes && size > before.size()) {
      return file_->Write(before.size(), {std::string(size - before.size(), 'x')});
    }
    return file_->Resize(size);
  }

 private:
  size_t PiecesOf(absl::Span<const std::string_view> pieces) const {
    return flaw_ == FileFlaw::kFewPieces ? std::min<size_t>(pieces.size(), 256) : pieces.size();
  }
  std::string_view BytesOf(std::string_view piece) const {
    return flaw_ == FileFlaw::kSmallPieces ? piece.substr(0, 1 << 20) : piece;
  }
  std::string Contents() {
    std::string contents(*file_->Size(), '\0');
    REQUIRE(file_->Read(0, contents.size(), contents.data()).ok());
    return contents;
  }

  const FileFlaw flaw_;
  const std::unique_ptr<File> file_;
  bool unsynced_ = false;
  std::string read_;
  uint64_t size_ = 0;
};

// A lock that can be lost: it ends with its file and with its name's removal.
class FlawedDisk::HeldLock final : public File {
 public:
  HeldLock(std::unique_ptr<File> file, std::set<std::string>* locked, std::string path)
      : file_(std::move(file)), locked_(*locked), path_(std::move(path)) {}
  ~HeldLock() override { locked_.erase(path_); }
  absl::Status Write(uint64_t offset, absl::Span<const std::string_view> pieces) override {
    return file_->Write(offset, pieces);
  }
  absl::StatusOr<size_t> Read(uint64_t offset, size_t size, char* buffer) override {
    return file_->Read(offset, size, buffer);
  }
  absl::Status Sync() override { return file_->Sync(); }
  absl::StatusOr<uint64_t> Size() override { return file_->Size(); }
  absl::Status Resize(uint64_t size) override { return file_->Resize(size); }

 private:
  const std::unique_ptr<File> file_;
  std::set<std::string>& locked_;
  const std::string path_;
};

absl::StatusOr<std::unique_ptr<File>> FlawedDisk::Open(const std::string& path, Mode mode) {
  if (flaw_ == FileFlaw::kOneThread && std::this_thread::get_id() != made_by_) {
    return absl::InternalError("another thread");
  }
  if (flaw_ == FileFlaw::kPlainPaths && path.find("//") != std::string::npos) {
    return absl::NotFoundError(path);
  }
  const bool there = disk_.Open(path, Mode::kRead).ok();
  if (flaw_ == FileFlaw::kNoPath && !there && mode != Mode::kCreate)
    return absl::NotFoundError("no");
  if (flaw_ == FileFlaw::kCreateTakesOld && there && mode == Mode::kCreate) mode = Mode::kWrite;
  if (flaw_ == FileFlaw::kWriteMakesNew && !there && mode == Mode::kWrite) mode = Mode::kCreate;
  if (flaw_ == FileFlaw::kReadMayWrite && mode == Mode::kRead) mode = Mode::kWrite;
  auto file = disk_.Open(path, mode);
  if (!file.ok()) return file;
  if (flaw_ == FileFlaw::kWriteTruncates && mode == Mode::kWrite) REQUIRE((*file)->Resize(0).ok());
  return std::make_unique<OpenFile>(flaw_, *std::move(file));
}

absl::Status FlawedDisk::Rename(const std::string& from, const std::string& to) {
  if (flaw_ == FileFlaw::kRenameNeedsSpace && disk_.Open(to, Mode::kRead).ok()) {
    return absl::AlreadyExistsError(to);
  }
  if (flaw_ == FileFlaw::kNoPath && !disk_.Open(from, Mode::kRead).ok()) {
    return absl::NotFoundError("no such file");
  }
  if (flaw_ != FileFlaw::kRenameCopies) return disk_.Rename(from, to);
  disk_.SetContents(to, *disk_.Contents(from));
  return disk_.Remove(from);
}

absl::Status FlawedDisk::Remove(const std::string& path) {
  if (flaw_ == FileFlaw::kRemoveEmpties && disk_.Contents(path).ok()) disk_.SetContents(path, "");
  return disk_.Remove(path);
}

absl::StatusOr<std::unique_ptr<File>> FlawedDisk::Lock(const std::string& path) {
  const auto open = [&]() -> absl::StatusOr<std::unique_ptr<File>> {
    auto file = disk_.Open(path, Mode::kWrite);
    if (!file.ok()) file = disk_.Open(path, Mode::kCreate);
    if (!file.ok()) return file;
    return std::make_unique<HeldLock>(*std::move(file), &locked_, path);
  };
  if (flaw_ == FileFlaw::kLocksNothing) return open();
  if (flaw_ == FileFlaw::kOneLock ? locked_.empty() : locked_.count(path) == 0) {
    locked_.insert(path);
    return open();
  }
  if (flaw_ == FileFlaw::kRefusalFrees) locked_.erase(path);
  return absl::FailedPreconditionError(path + ": held");
}

absl::Status RunFileSystem(FileFlaw flaw, std::string_view claim) {
  return RunFileSystemConformance(
      [=] {
        return FileSystemUnderTest{std::make_shared<FlawedDisk>(flaw), "d"};
      },
      claim);
}

TEST_CASE("a disk without a flaw keeps every promise") {
  CHECK(RunFileSystem(FileFlaw::kNone, {}).ToString() == "OK");
}

TEST_CASE("each broken promise of a disk is reported as the claim that it breaks") {
  const FileFlaw flaws[] = {
      FileFlaw::kFillsGaps,        FileFlaw::kCutsBehindWrite, FileFlaw::kFewPieces,
      FileFlaw::kSmallPieces,      FileFlaw::kShortReads,      FileFlaw::kNeverShrinks,
      FileFlaw::kKeepsCutBytes,    FileFlaw::kLosesUnsynced,   FileFlaw::kNothingToSync,
      FileFlaw::kCreateTakesOld,   FileFlaw::kWriteMakesNew,   FileFlaw::kWriteTruncates,
      FileFlaw::kReadMayWrite,     FileFlaw::kReadsOnce,       FileFlaw::kFixedEnd,
      FileFlaw::kRenameNeedsSpace, FileFlaw::kRenameCopies,    FileFlaw::kRemoveEmpties,
      FileFlaw::kDirectoryOnce,    FileFlaw::kUnsorted,        FileFlaw::kPlainPaths,
      FileFlaw::kNoPath,           FileFlaw::kLocksNothing,    FileFlaw::kRefusalFrees,
      FileFlaw::kOneLock,          FileFlaw::kOneThread};
  const std::vector<std::string> claims = FileSystemClaims();
  REQUIRE(std::size(flaws) == claims.size());
  for (size_t i = 0; i < claims.size(); ++i) {
    const absl::Status status = RunFileSystem(flaws[i], claims[i]);
    CAPTURE(claims[i], status.ToString());
    CHECK(absl::IsFailedPrecondition(status));
    CHECK(FromAbsl(status.message()).starts_with(claims[i] + ": "));
  }
}

TEST_CASE("a file system that cannot be made is no broken promise") {
  const auto factory = [] { return absl::ResourceExhaustedError("no disk"); };
  CHECK(absl::IsResourceExhausted(RunFileSystemConformance(factory)));
}

}  // namespace
}  // namespace zkq::testing
