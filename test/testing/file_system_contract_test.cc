// What every FileSystem does, held against the shipped one and the simulated: what
// is learnt on one disk is true on the other.
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "lib/env/posix_file_system.h"
#include "test/harness/catch.h"
#include "zkq/testing/conformance.h"
#include "zkq/testing/memory_file_system.h"

namespace zkq::testing {
namespace {

TEST_CASE("the shipped file system keeps every promise of the kit") {
  std::string directory = "file_system.XXXXXX";
  REQUIRE(::mkdtemp(directory.data()) != nullptr);
  for (const std::string& claim : FileSystemClaims()) {
    DYNAMIC_SECTION(claim) {
      const absl::Status status = RunFileSystemConformance(
          [&] {
            return FileSystemUnderTest{NewPosixFileSystem(), directory};
          },
          claim);
      CHECK(status.ToString() == "OK");
    }
  }
  std::filesystem::remove_all(directory);
}

TEST_CASE("the simulated file system keeps every promise of the kit") {
  for (const std::string& claim : FileSystemClaims()) {
    DYNAMIC_SECTION(claim) {
      const absl::Status status = RunFileSystemConformance(
          []() -> absl::StatusOr<FileSystemUnderTest> {
            FileSystemUnderTest disk{std::make_shared<MemoryFileSystem>(), "d"};
            const absl::Status made = disk.file_system->CreateDirectory(disk.directory);
            if (!made.ok()) return made;
            return disk;
          },
          claim);
      CHECK(status.ToString() == "OK");
    }
  }
}

}  // namespace
}  // namespace zkq::testing
