// The shipped file system, on the host's own: what it does beyond the promises of
// every FileSystem (file_system_contract_test).
#include "lib/env/posix_file_system.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "lib/storage/data_dir.h"
#include "test/harness/catch.h"
#include "test/storage/fixture.h"

namespace zkq::storage {
namespace {

using Mode = FileSystem::Mode;

// A directory of its own, gone with it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "posix_file_system_test.XXXXXX";
};

absl::Status WriteOne(File& file, uint64_t offset, std::string_view bytes) {
  return file.Write(offset, {&bytes, 1});
}

unsigned ModeOf(const std::string& path) {
  struct stat status;
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

TEST_CASE("files and directories are for their owner only") {
  const TemporaryDirectory dir;
  const std::shared_ptr<FileSystem> files = NewPosixFileSystem();
  REQUIRE(files->CreateDirectory(dir / "data").ok());
  REQUIRE(files->CreateDirectory(dir / "data").ok());
  REQUIRE(files->Open(dir / "data/file", Mode::kCreate).ok());
  REQUIRE(ModeOf(dir / "data") == 0700);
  REQUIRE(ModeOf(dir / "data/file") == 0600);
}

TEST_CASE("errors have a code, and name the call, the path and the reason") {
  const TemporaryDirectory dir;
  const std::shared_ptr<FileSystem> files = NewPosixFileSystem();
  const absl::Status missing = files->Open(dir / "no", Mode::kRead).status();
  REQUIRE(absl::IsNotFound(missing));
  REQUIRE(missing.message() == "open " + dir.path() + "/no: No such file or directory");
  REQUIRE(absl::IsNotFound(files->Open(dir / "no", Mode::kWrite).status()));
  REQUIRE(absl::IsNotFound(files->Remove(dir / "no")));
  REQUIRE(absl::IsNotFound(files->Rename(dir / "no", dir / "nor")));
  REQUIRE(absl::IsNotFound(files->List(dir / "no").status()));
  REQUIRE(absl::IsNotFound(files->CreateDirectory(dir / "no/where")));
  REQUIRE(files->Open(dir / "file", Mode::kCreate).ok());
  REQUIRE(absl::IsAlreadyExists(files->Open(dir / "file", Mode::kCreate).status()));
  REQUIRE(absl::IsAlreadyExists(files->CreateDirectory(dir / "file")));
}

TEST_CASE("a full disk is kResourceExhausted") {
  const int full = ::open("/dev/full", O_WRONLY);
  if (full < 0) return;  // this host has none
  ::close(full);
  const std::unique_ptr<File> file = *NewPosixFileSystem()->Open("/dev/full", Mode::kWrite);
  const absl::Status status = WriteOne(*file, 0, "x");
  REQUIRE(absl::IsResourceExhausted(status));
  REQUIRE(status.ToString().find("/dev/full: No space left on device") != std::string::npos);
}

TEST_CASE("a lock keeps out a second replica of the same process") {
  const TemporaryDirectory dir;
  const std::shared_ptr<FileSystem> files = NewPosixFileSystem();
  {
    absl::StatusOr<std::unique_ptr<File>> lock = files->Lock(dir / "lock");
    REQUIRE(lock.ok());
    REQUIRE(absl::IsFailedPrecondition(files->Lock(dir / "lock").status()));
    REQUIRE(absl::IsFailedPrecondition(NewPosixFileSystem()->Lock(dir / "lock").status()));
  }
  REQUIRE(files->Lock(dir / "lock").ok());
}

TEST_CASE("a data directory works on the host's file system") {
  const TemporaryDirectory dir;
  DataDirOptions options;
  options.sid = ServerId{1};
  class Sevens final : public Random {
    uint64_t Next() override { return 7; }
  };
  options.random = std::make_shared<Sevens>();
  options.log = kTiny;
  for (uint32_t i = 1; i <= 30; ++i) {
    absl::StatusOr<DataDir> data = DataDir::Open(NewPosixFileSystem(), dir / "data", options);
    REQUIRE(data.ok());
    REQUIRE(data->recovered.state.boot == i);
    REQUIRE(data->recovered.window.size() == i - 1);
    data->log->Append(Entries({1, i - 1}, {1, i}, 1, 300));
    REQUIRE(data->log->Sync().ok());
    REQUIRE(data->log->Read({}, 1 << 20)->size() == i);
    if (i % 10 == 0) {
      REQUIRE(data->snapshots
                  ->Take({{1, i}},
                         [](SnapshotWriter& writer) { return writer.WriteRecord("all of it"); })
                  .ok());
    }
  }
  REQUIRE(DataDir::Open(NewPosixFileSystem(), dir / "data", options)->recovered.base.zxid ==
          Zxid{1, 30});
}

}  // namespace
}  // namespace zkq::storage
