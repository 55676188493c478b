#include "zkq/testing/memory_file_system.h"

#include <set>
#include <string>
#include <vector>

#include "test/harness/catch.h"
#include "zkq/testing/sim.h"

namespace zkq::testing {
namespace {

using Mode = FileSystem::Mode;
using Step = MemoryFileSystem::Step;
using Verdict = MemoryFileSystem::Verdict;

std::unique_ptr<File> Open(MemoryFileSystem& disk, const std::string& path, Mode mode) {
  auto file = disk.Open(path, mode);
  REQUIRE(file.ok());
  return *std::move(file);
}

absl::Status Write(File& file, uint64_t offset, std::string_view bytes) {
  return file.Write(offset, {bytes});
}

// A file whose name is durable and whose contents are `bytes`, durable too.
std::unique_ptr<File> DurableFile(MemoryFileSystem& disk, const std::string& path,
                                  std::string_view bytes) {
  auto file = Open(disk, path, Mode::kCreate);
  REQUIRE(Write(*file, 0, bytes).ok());
  REQUIRE(file->Sync().ok());
  REQUIRE(disk.SyncDirectory(".").ok());
  return file;
}

std::string Names(MemoryFileSystem& disk, const std::string& directory = ".") {
  std::string all;
  auto names = disk.List(directory);
  REQUIRE(names.ok());
  for (const std::string& name : *names) all += (all.empty() ? "" : " ") + name;
  return all;
}

TEST_CASE("a file reads what was written, up to its end") {
  MemoryFileSystem disk;
  auto file = Open(disk, "f", Mode::kCreate);
  REQUIRE(file->Write(0, {"abc", "", "def"}).ok());
  REQUIRE(Write(*file, 8, "x").ok());
  char buffer[16];
  REQUIRE(*file->Read(1, 16, buffer) == 8);
  REQUIRE(std::string(buffer, 8) == std::string("bcdef\0\0x", 8));
  REQUIRE(*file->Read(9, 16, buffer) == 0);
  REQUIRE(*file->Size() == 9);
  REQUIRE(file->Resize(2).ok());
  REQUIRE(*disk.Contents("f") == "ab");
}

TEST_CASE("a file opened to read is not written") {
  MemoryFileSystem disk;
  Open(disk, "f", Mode::kCreate);
  auto file = Open(disk, "f", Mode::kRead);
  REQUIRE(Write(*file, 0, "x").code() == absl::StatusCode::kPermissionDenied);
  REQUIRE(file->Sync().code() == absl::StatusCode::kPermissionDenied);
}

TEST_CASE("a path that is there is told from one that is not") {
  MemoryFileSystem disk;
  Open(disk, "f", Mode::kCreate);
  REQUIRE(disk.Open("f", Mode::kCreate).status().code() == absl::StatusCode::kAlreadyExists);
  REQUIRE(disk.Open("g", Mode::kWrite).status().code() == absl::StatusCode::kNotFound);
  REQUIRE(disk.Open("d/f", Mode::kCreate).status().code() == absl::StatusCode::kNotFound);
  REQUIRE(disk.Remove("g").code() == absl::StatusCode::kNotFound);
  REQUIRE(disk.Rename("g", "h").code() == absl::StatusCode::kNotFound);
  REQUIRE(disk.List("d").status().code() == absl::StatusCode::kNotFound);
  REQUIRE(disk.CreateDirectory("d/e").code() == absl::StatusCode::kNotFound);
  REQUIRE(std::string(disk.Remove("g").message()).find('g') == 0);
}

TEST_CASE("a directory lists its own names, sorted") {
  MemoryFileSystem disk;
  REQUIRE(disk.CreateDirectory("d").ok());
  REQUIRE(disk.CreateDirectory("d").ok());
  REQUIRE(disk.CreateDirectory("d/e").ok());
  for (const char* path : {"d/z", "d/a", "top", "d/e/deep"}) Open(disk, path, Mode::kCreate);
  REQUIRE(Names(disk, "d") == "a e z");
  REQUIRE(Names(disk) == "d top");
}

TEST_CASE("a crash takes contents back to the last sync of the file") {
  MemoryFileSystem disk;
  auto file = DurableFile(disk, "f", "durable");
  REQUIRE(Write(*file, 0, "DUR").ok());
  REQUIRE(Write(*file, 100, "more").ok());
  disk.Crash();
  REQUIRE(*disk.Contents("f") == "durable");
}

TEST_CASE("a crash takes a shrunken file back too") {
  MemoryFileSystem disk;
  auto file = DurableFile(disk, "f", "durable");
  REQUIRE(file->Resize(0).ok());
  REQUIRE(Write(*file, 0, "x").ok());
  disk.Crash();
  REQUIRE(*disk.Contents("f") == "durable");
}

TEST_CASE("a sync makes all of many writes durable") {
  MemoryFileSystem disk;
  auto file = DurableFile(disk, "f", std::string(2000, '.'));
  REQUIRE(Write(*file, 1500, "b").ok());
  REQUIRE(Write(*file, 3, "a").ok());
  REQUIRE(file->Resize(3000).ok());
  REQUIRE(file->Resize(1800).ok());
  REQUIRE(file->Sync().ok());
  const std::string written = *disk.Contents("f");
  disk.Crash();
  REQUIRE(*disk.Contents("f") == written);
  REQUIRE(written.size() == 1800);
}

TEST_CASE("a crash undoes names that their directory has not synced") {
  MemoryFileSystem disk;
  DurableFile(disk, "kept", "k");
  DurableFile(disk, "moved", "m");
  REQUIRE(Open(disk, "new", Mode::kCreate)->Sync().ok());
  REQUIRE(disk.Remove("kept").ok());
  REQUIRE(disk.Rename("moved", "elsewhere").ok());
  REQUIRE(Names(disk) == "elsewhere new");
  SECTION("not synced") {
    disk.Crash();
    REQUIRE(Names(disk) == "kept moved");
    REQUIRE(*disk.Contents("moved") == "m");
  }
  SECTION("synced") {
    REQUIRE(disk.SyncDirectory(".").ok());
    disk.Crash();
    REQUIRE(Names(disk) == "elsewhere new");
    REQUIRE(*disk.Contents("elsewhere") == "m");
  }
}

TEST_CASE("a rename replaces its target in one step") {
  MemoryFileSystem disk;
  DurableFile(disk, "old", "old");
  DurableFile(disk, "new", "new");
  REQUIRE(disk.Rename("new", "old").ok());
  REQUIRE(*disk.Contents("old") == "new");
  disk.Crash();
  REQUIRE(*disk.Contents("old") == "old");
  REQUIRE(*disk.Contents("new") == "new");
}

TEST_CASE("a durable name with contents never synced is an empty file") {
  MemoryFileSystem disk;
  auto file = Open(disk, "f", Mode::kCreate);
  REQUIRE(Write(*file, 0, "lost").ok());
  REQUIRE(disk.SyncDirectory(".").ok());
  disk.Crash();
  REQUIRE(*disk.Contents("f") == "");
}

TEST_CASE("files opened before a crash fail for ever and change nothing") {
  MemoryFileSystem disk;
  auto file = DurableFile(disk, "f", "durable");
  disk.Crash();
  const uint64_t operations = disk.operations();
  REQUIRE(Write(*file, 0, "x").code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE(file->Sync().code() == absl::StatusCode::kFailedPrecondition);
  char buffer[1];
  REQUIRE_FALSE(file->Read(0, 1, buffer).ok());
  REQUIRE(*disk.Contents("f") == "durable");
  REQUIRE(disk.operations() == operations);
}

TEST_CASE("a torn crash keeps, sector by sector, the old or the new") {
  bool kept_old = false, kept_new = false, mixed = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    MemoryFileSystem disk;
    auto file = DurableFile(disk, "f", std::string(1024, 'o'));
    REQUIRE(Write(*file, 0, std::string(1024, 'n')).ok());
    SimRandom random(seed);
    disk.CrashTorn(random);
    const std::string left = *disk.Contents("f");
    REQUIRE(left.size() == 1024);
    for (size_t sector : {0, 512}) {
      REQUIRE(left.find_first_not_of(left[sector], sector) >= sector + 512);
    }
    kept_old |= left[0] == 'o' && left[512] == 'o';
    kept_new |= left[0] == 'n' && left[512] == 'n';
    mixed |= left[0] != left[512];
  }
  REQUIRE(kept_old);
  REQUIRE(kept_new);
  REQUIRE(mixed);
}

TEST_CASE("a torn crash keeps nothing that a sync has failed to make durable") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    MemoryFileSystem disk;
    auto file = DurableFile(disk, "f", "old");
    disk.Observe([](const MemoryFileSystem::Operation& operation) {
      return operation.step == Step::kSync ? Verdict::kFail : Verdict::kProceed;
    });
    REQUIRE(Write(*file, 0, "new").ok());
    REQUIRE_FALSE(file->Sync().ok());
    SimRandom random(seed);
    disk.CrashTorn(random);
    REQUIRE(*disk.Contents("f") == "old");
  }
}

TEST_CASE("a crash armed for an operation that is past comes at the next one") {
  MemoryFileSystem disk;
  auto file = DurableFile(disk, "f", "old");
  disk.CrashBefore(1);
  REQUIRE(Write(*file, 0, "new").code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("a torn crash keeps a beginning of what was done to names") {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    MemoryFileSystem disk;
    for (const char* path : {"a", "b"}) Open(disk, path, Mode::kCreate);
    SimRandom random(seed);
    disk.CrashTorn(random);
    seen.insert(Names(disk));
  }
  REQUIRE(seen == std::set<std::string>{"", "a", "a b"});
}

TEST_CASE("bytes that a sync has made durable survive a torn crash") {
  MemoryFileSystem disk;
  DurableFile(disk, "f", "durable");
  SimRandom random(1);
  disk.CrashTorn(random);
  REQUIRE(*disk.Contents("f") == "durable");
}

TEST_CASE("a crash before the n-th operation fails it and all after it") {
  // Runs the same work with a crash before each of its steps: what is left is
  // always the old or the new, and each appears.
  std::set<std::string> left;
  for (uint64_t n = 1; n <= 5; ++n) {
    MemoryFileSystem disk;
    DurableFile(disk, "f", "old");
    disk.CrashBefore(disk.operations() + n);
    const auto work = [&] {
      auto file = disk.Open("f.tmp", Mode::kCreate);
      if (!file.ok()) return file.status();
      absl::Status status = Write(**file, 0, "new");
      if (status.ok()) status = (*file)->Sync();
      if (status.ok()) status = disk.Rename("f.tmp", "f");
      if (status.ok()) status = disk.SyncDirectory(".");
      return status;
    };
    REQUIRE(work().code() == absl::StatusCode::kUnavailable);
    REQUIRE(disk.List(".").status().code() == absl::StatusCode::kUnavailable);
    SimRandom random(n);
    n < 5 ? disk.Crash() : disk.CrashTorn(random);
    left.insert(*disk.Contents("f"));
    disk.CrashBefore(0);
    (void)disk.Remove("f.tmp");
    REQUIRE(work().ok());
    REQUIRE(*disk.Contents("f") == "new");
  }
  REQUIRE(left.count("old") == 1);
}

TEST_CASE("an observer sees every operation and may fail one of them") {
  MemoryFileSystem disk;
  std::vector<std::string> seen;
  disk.Observe([&](const MemoryFileSystem::Operation& operation) {
    seen.push_back(std::to_string(operation.number) + " " + std::string(ToString(operation.step)) +
                   " " + operation.path);
    return operation.step == Step::kSync ? Verdict::kFail : Verdict::kProceed;
  });
  auto file = Open(disk, "f", Mode::kCreate);
  REQUIRE(Write(*file, 0, "x").ok());
  REQUIRE(file->Sync().code() == absl::StatusCode::kInternal);
  REQUIRE(disk.SyncDirectory(".").ok());
  REQUIRE(seen ==
          std::vector<std::string>{"1 create f", "2 write f", "3 sync f", "4 sync directory ."});
  disk.Crash();
  REQUIRE(*disk.Contents("f") == "");
}

TEST_CASE("a crash during an operation ends it, whatever its observer says") {
  MemoryFileSystem disk;
  auto file = DurableFile(disk, "f", "old");
  disk.Observe([&](const MemoryFileSystem::Operation& operation) {
    if (operation.step == Step::kWrite || operation.step == Step::kRemove) disk.Crash();
    return Verdict::kProceed;
  });
  REQUIRE_FALSE(Write(*file, 0, "new").ok());
  REQUIRE_FALSE(disk.Remove("f").ok());
  REQUIRE(*disk.Contents("f") == "old");
}

TEST_CASE("a full disk takes what fits and says so") {
  MemoryFileSystem disk;
  auto file = DurableFile(disk, "f", "12345");
  disk.SetCapacity(8);
  REQUIRE(Write(*file, 5, "67890").code() == absl::StatusCode::kResourceExhausted);
  REQUIRE(*disk.Contents("f") == "12345678");
  REQUIRE(Write(*file, 0, "abcdefgh").ok());
  REQUIRE(file->Resize(9).code() == absl::StatusCode::kResourceExhausted);
  REQUIRE(Write(*file, 100, "x").code() == absl::StatusCode::kResourceExhausted);
  REQUIRE(*file->Size() == 8);
  REQUIRE(file->Resize(2).ok());
  REQUIRE(Write(*file, 2, "345678").ok());
}

TEST_CASE("a lock excludes all others until it is let go, or its holder crashes") {
  MemoryFileSystem disk;
  auto held = disk.Lock("LOCK");
  REQUIRE(held.ok());
  REQUIRE(disk.Lock("LOCK").status().code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE(disk.Lock("other").ok());
  SECTION("let go") {
    held->reset();
    REQUIRE(disk.Lock("LOCK").ok());
  }
  SECTION("crashed") {
    disk.Crash();
    auto next = disk.Lock("LOCK");
    REQUIRE(next.ok());
    held->reset();  // the dead holder's end does not free it
    REQUIRE_FALSE(disk.Lock("LOCK").ok());
  }
}

TEST_CASE("damage is as durable as anything") {
  MemoryFileSystem disk;
  DurableFile(disk, "f", "sound");
  disk.SetContents("f", "s0und");
  disk.SetContents("g", "new");
  disk.Crash();
  REQUIRE(*disk.Contents("f") == "s0und");
  REQUIRE(*disk.Contents("g") == "new");
}

// --- what is seen of it ---------------------------------------------------------------

TEST_CASE("a witness is told of the operations that took place, and of no other") {
  MemoryFileSystem disk;
  std::string told;
  disk.SetWitness([&](const MemoryFileSystem::Operation& operation) {
    told += std::string(ToString(operation.step)) + " " + operation.path + operation.to + " " +
            std::string(operation.bytes) + "\n";
  });
  auto file = disk.Open("a", Mode::kCreate);
  REQUIRE((*file)->Write(0, {"one", "two"}).ok());
  disk.SetCapacity(8);
  REQUIRE_FALSE((*file)->Write(6, {"three"}).ok());
  disk.CrashBefore(disk.operations() + 2);
  REQUIRE(disk.Rename("a", "b").ok());
  REQUIRE_FALSE((*file)->Sync().ok());
  REQUIRE(told == "create a \nwrite a onetwo\nwrite a th\nrename ab \n");
}

TEST_CASE("a disk as a crash would leave it can be had without a crash") {
  MemoryFileSystem disk;
  auto file = disk.Open("a", Mode::kCreate);
  REQUIRE((*file)->Write(0, {"synced"}).ok());
  REQUIRE((*file)->Sync().ok());
  REQUIRE(disk.SyncDirectory(".").ok());
  REQUIRE((*file)->Write(0, {"SYNCED"}).ok());
  REQUIRE(disk.Open("b", Mode::kCreate).ok());
  const auto left = disk.AfterCrash();
  REQUIRE(left->Files() == std::vector<std::string>{"a"});
  REQUIRE(*left->Contents("a") == "synced");
  REQUIRE(*disk.Contents("a") == "SYNCED");
}

TEST_CASE("a disk that is wiped is an empty one, and its locks are free") {
  MemoryFileSystem disk;
  auto lock = disk.Lock("lock");
  REQUIRE(disk.SyncDirectory(".").ok());
  disk.Wipe();
  REQUIRE(disk.Files().empty());
  REQUIRE(disk.Lock("lock").ok());
}

}  // namespace
}  // namespace zkq::testing
