// What every FileSystem does, held against the shipped one and the simulated: what
// is learnt on one disk is true on the other.
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/env/posix_file_system.h"
#include "test/harness/catch.h"
#include "zkq/testing/memory_file_system.h"

namespace zkq::testing {
namespace {

using Mode = FileSystem::Mode;
using Names = std::vector<std::string>;

// A file system with an empty directory.
struct Disk {
  std::shared_ptr<FileSystem> files;
  std::string directory;

  std::string Path(const std::string& name) const { return directory + "/" + name; }
  std::unique_ptr<File> Open(const std::string& name, Mode mode) const {
    auto file = files->Open(Path(name), mode);
    REQUIRE(file.ok());
    return *std::move(file);
  }
  void Write(const std::string& name, std::string_view bytes) const {
    REQUIRE(Open(name, Mode::kCreate)->Write(0, {bytes}).ok());
  }
  std::string Read(const std::string& name) const {
    char buffer[64];
    auto read = Open(name, Mode::kRead)->Read(0, sizeof(buffer), buffer);
    REQUIRE(read.ok());
    return {buffer, *read};
  }
};

Disk Shipped() {
  std::string directory = "file_system.XXXXXX";
  REQUIRE(::mkdtemp(directory.data()) != nullptr);
  return {NewPosixFileSystem(), directory};
}
Disk Simulated() {
  auto files = std::make_shared<MemoryFileSystem>();
  REQUIRE(files->CreateDirectory("d").ok());
  return {files, "d"};
}

// Runs `test` on each.
void OnEach(const std::function<void(const Disk&)>& test) {
  SECTION("shipped") {
    const Disk disk = Shipped();
    test(disk);
    std::filesystem::remove_all(disk.directory);
  }
  SECTION("simulated") { test(Simulated()); }
}

bool Tells(const absl::Status& status, absl::StatusCode code, const std::string& path) {
  return status.code() == code && std::string(status.message()).find(path) != std::string::npos;
}

TEST_CASE("bytes are read where they were written, and zeros in between") {
  OnEach([](const Disk& disk) {
    auto file = disk.Open("f", Mode::kCreate);
    REQUIRE(file->Write(3, {"ab", "", "cd"}).ok());
    char buffer[16];
    auto read = file->Read(1, sizeof(buffer), buffer);
    REQUIRE(read.ok());
    CHECK(std::string(buffer, *read) == std::string("\0\0abcd", 6));
    read = file->Read(7, sizeof(buffer), buffer);
    CHECK((read.ok() && *read == 0));
    read = file->Read(100, sizeof(buffer), buffer);
    CHECK((read.ok() && *read == 0));
  });
}

TEST_CASE("a file takes the size it is given") {
  OnEach([](const Disk& disk) {
    auto file = disk.Open("f", Mode::kCreate);
    REQUIRE(file->Write(0, {"abcd"}).ok());
    REQUIRE(file->Resize(2).ok());
    CHECK(*file->Size() == 2);
    REQUIRE(file->Resize(4).ok());
    CHECK(*file->Size() == 4);
    CHECK(disk.Read("f") == std::string("ab\0\0", 4));
    CHECK(file->Sync().ok());
  });
}

TEST_CASE("a file opened to read is not changed") {
  OnEach([](const Disk& disk) {
    disk.Write("f", "abc");
    auto file = disk.Open("f", Mode::kRead);
    CHECK_FALSE(file->Write(0, {"x"}).ok());
    CHECK_FALSE(file->Resize(0).ok());
    CHECK(disk.Read("f") == "abc");
  });
}

TEST_CASE("two handles of a file see each other's writes") {
  OnEach([](const Disk& disk) {
    disk.Write("f", "abc");
    auto reader = disk.Open("f", Mode::kRead);
    REQUIRE(disk.Open("f", Mode::kWrite)->Write(1, {"X"}).ok());
    char buffer[3];
    REQUIRE(reader->Read(0, 3, buffer).ok());
    CHECK(std::string(buffer, 3) == "aXc");
  });
}

TEST_CASE("what is missing or in the way is told by code and path") {
  OnEach([](const Disk& disk) {
    FileSystem& files = *disk.files;
    constexpr auto kNotFound = absl::StatusCode::kNotFound;
    const std::string f = disk.Path("f"), g = disk.Path("g"), deep = disk.Path("no/f");
    disk.Write("f", "");
    CHECK(Tells(files.Open(f, Mode::kCreate).status(), absl::StatusCode::kAlreadyExists, f));
    CHECK(Tells(files.Open(g, Mode::kRead).status(), kNotFound, g));
    CHECK(Tells(files.Open(g, Mode::kWrite).status(), kNotFound, g));
    CHECK(Tells(files.Open(deep, Mode::kCreate).status(), kNotFound, deep));
    CHECK(Tells(files.Remove(g), kNotFound, g));
    CHECK(Tells(files.Rename(g, f), kNotFound, g));
    CHECK(Tells(files.List(g).status(), kNotFound, g));
    CHECK(Tells(files.SyncDirectory(g), kNotFound, g));
    CHECK(Tells(files.CreateDirectory(deep), kNotFound, deep));
    CHECK(Tells(files.CreateDirectory(f), absl::StatusCode::kAlreadyExists, f));
    CHECK(Tells(files.Lock(deep).status(), kNotFound, deep));
  });
}

TEST_CASE("a rename takes the place of what was there") {
  OnEach([](const Disk& disk) {
    disk.Write("a", "new");
    disk.Write("b", "old");
    auto before = disk.Open("b", Mode::kRead);
    REQUIRE(disk.files->Rename(disk.Path("a"), disk.Path("b")).ok());
    REQUIRE(disk.files->SyncDirectory(disk.directory).ok());
    CHECK(*disk.files->List(disk.directory) == Names{"b"});
    CHECK(disk.Read("b") == "new");
    char buffer[3];  // whoever had the old one open still has it
    REQUIRE(before->Read(0, 3, buffer).ok());
    CHECK(std::string(buffer, 3) == "old");
  });
}

TEST_CASE("a directory lists what is in it, sorted, itself and its parent not") {
  OnEach([](const Disk& disk) {
    REQUIRE(disk.files->CreateDirectory(disk.Path("m")).ok());
    REQUIRE(disk.files->CreateDirectory(disk.Path("m")).ok());
    for (const char* name : {"z", "a", "m/inside"}) disk.Write(name, "");
    CHECK(*disk.files->List(disk.directory) == Names{"a", "m", "z"});
    CHECK(*disk.files->List(disk.directory + "/m/") == Names{"inside"});
    REQUIRE(disk.files->Remove(disk.directory + "//a").ok());
    CHECK(*disk.files->List(disk.directory + "/") == Names{"m", "z"});
  });
}

TEST_CASE("a lock is held by one at a time, until it is let go") {
  OnEach([](const Disk& disk) {
    const std::string path = disk.Path("LOCK");
    auto held = disk.files->Lock(path);
    REQUIRE(held.ok());
    CHECK(Tells(disk.files->Lock(path).status(), absl::StatusCode::kFailedPrecondition, path));
    held->reset();
    CHECK(disk.files->Lock(path).ok());
    CHECK(*disk.files->List(disk.directory) == Names{"LOCK"});
  });
}

}  // namespace
}  // namespace zkq::testing
