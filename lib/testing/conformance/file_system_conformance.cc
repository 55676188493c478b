#include <algorithm>
#include <thread>
#include <utility>

#include "lib/testing/conformance/claims.h"
#include "lib/testing/conformance/conformance_disk.h"
#include "zkq/testing/conformance.h"

namespace zkq::testing {
inline namespace v1 {
namespace {

using Mode = FileSystem::Mode;
using Disk = ConformanceDisk;

// --- what a file holds ----------------------------------------------------------

void ReadWhereWritten(const Disk& disk, Trial*) {
  const auto file = disk.Create("f");
  if (file == nullptr || !disk.WritePieces(*file, 3, {"ab", "", "cd"})) return;
  disk.Reads(*file, 0, 16, std::string_view("\0\0\0abcd", 7));
  if (!disk.Write(*file, 10'000, "z")) return;
  disk.Reads(*file, 7, 20'000, std::string(9'993, '\0') + "z");
}

void OwnBytesOnly(const Disk& disk, Trial*) {
  const auto file = disk.Create("f", "0123456789");
  if (file == nullptr) return;
  disk.WritePieces(*file, 3, {"a", "bc"});
  disk.Reads(*file, 0, 16, "012abc6789");
  disk.Write(*file, 8, "xyz");
  disk.Reads(*file, 0, 16, "012abc67xyz");
  disk.Write(*file, 100, "");
  disk.WritePieces(*file, 100, absl::Span<const std::string_view>());
  disk.Sizes(*file, 11);
}

// More than one system call takes, where there are such.
void AnyPieces(const Disk& disk, Trial*) {
  const auto file = disk.Create("f");
  if (file == nullptr) return;
  std::vector<std::string_view> pieces;
  std::string all;
  for (size_t i = 0; i < 3000; ++i) {
    pieces.push_back(std::string_view("0123456789").substr(0, i % 11));
    all += pieces.back();
  }
  disk.WritePieces(*file, 5, pieces);
  disk.Reads(*file, 5, all.size() + 1, all);
  disk.Sizes(*file, 5 + all.size());
}

void LargeWrite(const Disk& disk, Trial* trial) {
  const auto file = disk.Create("f");
  if (file == nullptr) return;
  std::string large;
  for (uint64_t i = 0; large.size() < (8 << 20); ++i) large += std::to_string(i) + " ";
  const std::string_view all = large, half = all.substr(0, all.size() / 2);
  if (!disk.WritePieces(*file, 1, {half, all.substr(half.size())})) return;
  std::string read(large.size(), '?');
  const absl::StatusOr<size_t> size = file->Read(1, read.size(), read.data());
  if (!trial->ExpectOk(size.status(), "Read")) return;
  trial->ExpectEqual(*size, large.size(), "the number of bytes read");
  const auto [there, wanted] = std::mismatch(read.begin(), read.end(), large.begin());
  trial->Expect(there == read.end(),
                "another byte at " + std::to_string(1 + (there - read.begin())));
}

void ReadsToTheEnd(const Disk& disk, Trial*) {
  const auto file = disk.Create("f", "abcdef");
  if (file == nullptr) return;
  disk.Reads(*file, 0, 6, "abcdef");
  disk.Reads(*file, 2, 3, "cde");
  disk.Reads(*file, 4, 100, "ef");
  disk.Reads(*file, 2, 0, "");
  disk.Reads(*file, 6, 100, "");
  disk.Reads(*file, 1'000, 100, "");
}

void TakesItsSize(const Disk& disk, Trial* trial) {
  const auto file = disk.Create("f");
  if (file == nullptr || !disk.Sizes(*file, 0) || !disk.Write(*file, 0, "abcd")) return;
  for (const uint64_t size : {4, 2, 2, 4, 100'000, 5}) {
    trial->ExpectOk(file->Resize(size), "Resize");
    disk.Sizes(*file, size);
  }
  disk.Holds("f", std::string_view("ab\0\0\0", 5));
}

void CutOff(const Disk& disk, Trial* trial) {
  const auto file = disk.Create("f", "abcdef");
  if (file == nullptr) return;
  trial->ExpectOk(file->Resize(4), "Resize");
  trial->ExpectOk(file->Resize(5), "Resize");
  disk.Reads(*file, 0, 16, std::string_view("abcd\0", 5));
  trial->ExpectOk(file->Resize(2), "Resize");
  disk.Write(*file, 5, "x");
  disk.Reads(*file, 0, 16, std::string_view("ab\0\0\0x", 6));
}

void OpenedAgain(const Disk& disk, Trial* trial) {
  if (disk.Create("unsynced", "abc") == nullptr) return;
  disk.Holds("unsynced", "abc");
  auto file = disk.Create("synced", "abc");
  if (file == nullptr) return;
  trial->ExpectOk(file->Sync(), "Sync");
  disk.Write(*file, 3, "d");
  file.reset();
  disk.Holds("synced", "abcd");
}

void Syncs(const Disk& disk, Trial* trial) {
  const auto file = disk.Create("f");
  if (file == nullptr) return;
  for (int i = 0; i < 2; ++i) {
    disk.Write(*file, 0, "abc");
    for (int again = 0; again < 2; ++again) {
      trial->ExpectOk(file->Sync(), "Sync");
      trial->ExpectOk(disk.files().SyncDirectory(disk.directory()), "SyncDirectory");
    }
  }
  disk.Holds("f", "abc");
}

// --- who opens it ---------------------------------------------------------------

void CreateMakes(const Disk& disk, Trial* trial) {
  const auto file = disk.Create("f", "abc");
  if (file == nullptr) return;
  disk.Reads(*file, 0, 16, "abc");  // it is read with what made it
  trial->ExpectRefused(disk.files().Open(disk.Path("f"), Mode::kCreate).status(),
                       "a second kCreate", absl::StatusCode::kAlreadyExists, disk.Path("f"));
  disk.Holds("f", "abc");
}

void OpenNeeds(const Disk& disk, Trial* trial) {
  for (const Mode mode : {Mode::kRead, Mode::kWrite}) {
    trial->ExpectRefused(disk.files().Open(disk.Path("f"), mode).status(),
                         mode == Mode::kRead ? "kRead of no file" : "kWrite of no file",
                         absl::StatusCode::kNotFound, disk.Path("f"));
    disk.Lists(disk.directory(), {});
  }
}

void WriteKeeps(const Disk& disk, Trial*) {
  if (disk.Create("f", "abcdef") == nullptr) return;
  const auto file = disk.Open("f", Mode::kWrite);
  if (file == nullptr) return;
  disk.Sizes(*file, 6);
  disk.Write(*file, 2, "X");
  disk.Reads(*file, 0, 16, "abXdef");
  disk.Holds("f", "abXdef");
}

void OpenedToRead(const Disk& disk, Trial* trial) {
  if (disk.Create("f", "abc") == nullptr) return;
  const auto file = disk.Open("f", Mode::kRead);
  if (file == nullptr) return;
  for (const absl::Status& refused : {file->Write(0, {"x"}), file->Resize(0)}) {
    trial->Expect(!refused.ok(), "a change is accepted");
    trial->ExpectRefused(refused, "a change", refused.code(), disk.Path("f"));
  }
  disk.Holds("f", "abc");
}

void TwoHandles(const Disk& disk, Trial* trial) {
  const auto one = disk.Create("f", "abc"), other = disk.Open("f", Mode::kWrite);
  if (one == nullptr || other == nullptr) return;
  disk.Write(*other, 1, "X");
  disk.Reads(*one, 0, 16, "aXc");
  disk.Write(*one, 3, "d");
  disk.Reads(*other, 0, 16, "aXcd");
  trial->ExpectOk(other->Resize(2), "Resize");
  disk.Sizes(*one, 2);
  disk.Reads(*one, 0, 16, "aX");
}

void SeesAppends(const Disk& disk, Trial* trial) {
  const auto writer = disk.Create("f");
  const auto reader = disk.Open("f", Mode::kRead);
  if (writer == nullptr || reader == nullptr) return;
  std::string all;
  for (int i = 0; i < 100 && trial->ok(); ++i) {
    const std::string line = std::to_string(i) + "\n";
    disk.Write(*writer, all.size(), line);
    disk.Reads(*reader, all.size(), 100, line);
    all += line;
    disk.Sizes(*reader, all.size());
  }
  disk.Reads(*reader, 0, all.size() + 1, all);
}

// --- what it is called ----------------------------------------------------------

void RenameReplaces(const Disk& disk, Trial* trial) {
  if (disk.Create("new", "new") == nullptr || disk.Create("old", "old") == nullptr) return;
  const auto before = disk.Open("old", Mode::kRead);
  if (before == nullptr) return;
  trial->ExpectOk(disk.files().Rename(disk.Path("new"), disk.Path("old")), "Rename");
  disk.Lists(disk.directory(), {"old"});
  disk.Holds("old", "new");
  disk.Reads(*before, 0, 16, "old");  // a handle opened before still reads it
}

void RenamedOpen(const Disk& disk, Trial* trial) {
  const auto file = disk.Create("f", "abc");
  if (file == nullptr) return;
  trial->ExpectOk(disk.files().Rename(disk.Path("f"), disk.Path("g")), "Rename");
  disk.Write(*file, 3, "d");
  trial->ExpectOk(file->Sync(), "Sync");
  disk.Lists(disk.directory(), {"g"});
  disk.Holds("g", "abcd");
}

void RemovedOpen(const Disk& disk, Trial* trial) {
  const auto old = disk.Create("f", "old");
  if (old == nullptr) return;
  trial->ExpectOk(disk.files().Remove(disk.Path("f")), "Remove");
  disk.Lists(disk.directory(), {});
  if (disk.Create("f", "new") == nullptr) return;  // the name is free at once
  disk.Reads(*old, 0, 16, "old");
  disk.Write(*old, 0, "OLD");
  disk.Holds("f", "new");
}

void DirectoryOnce(const Disk& disk, Trial* trial) {
  for (int i = 0; i < 2; ++i) {
    trial->ExpectOk(disk.files().CreateDirectory(disk.Path("d")), "CreateDirectory");
    if (i == 0 && disk.Create("d/f", "abc") == nullptr) return;
  }
  disk.Holds("d/f", "abc");
  disk.Lists(disk.directory(), {"d"});
  trial->ExpectOk(disk.files().SyncDirectory(disk.Path("d")), "SyncDirectory");
}

void ListsNames(const Disk& disk, Trial* trial) {
  disk.Lists(disk.directory(), {});
  trial->ExpectOk(disk.files().CreateDirectory(disk.Path("m")), "CreateDirectory");
  for (const char* name : {"z", "B", "a", "aa", "m/inside"}) disk.Create(name);
  disk.Lists(disk.directory(), {"B", "a", "aa", "m", "z"});
  disk.Lists(disk.Path("m"), {"inside"});
  trial->ExpectOk(disk.files().Remove(disk.Path("a")), "Remove");
  disk.Lists(disk.directory(), {"B", "aa", "m", "z"});
}

// A path that the host gave may end in one, and zkq adds its own.
void SpareSlashes(const Disk& disk, Trial* trial) {
  const std::string directory = disk.directory();
  if (disk.Create("/f", "abc") == nullptr) return;
  disk.Holds("f", "abc");
  disk.Lists(directory + "/", {"f"});
  trial->ExpectOk(disk.files().SyncDirectory(directory + "//"), "SyncDirectory");
  trial->ExpectOk(disk.files().CreateDirectory(directory + "/d/"), "CreateDirectory");
  trial->ExpectOk(disk.files().Rename(directory + "//f", disk.Path("g")), "Rename");
  trial->ExpectOk(disk.files().Remove(directory + "//g"), "Remove");
  disk.Lists(directory, {"d"});
}

void ToldByCode(const Disk& disk, Trial* trial) {
  FileSystem& files = disk.files();
  constexpr auto kNotFound = absl::StatusCode::kNotFound,
                 kExists = absl::StatusCode::kAlreadyExists;
  const std::string f = disk.Path("f"), g = disk.Path("g"), deep = disk.Path("no/f");
  if (disk.Create("f") == nullptr) return;
  trial->ExpectRefused(files.Open(deep, Mode::kCreate).status(), "Open", kNotFound, deep);
  trial->ExpectRefused(files.Remove(g), "Remove", kNotFound, g);
  trial->ExpectRefused(files.Rename(g, f), "Rename", kNotFound, g);
  trial->ExpectRefused(files.List(g).status(), "List", kNotFound, g);
  trial->ExpectRefused(files.SyncDirectory(g), "SyncDirectory", kNotFound, g);
  trial->ExpectRefused(files.CreateDirectory(deep), "CreateDirectory", kNotFound, deep);
  trial->ExpectRefused(files.CreateDirectory(f), "CreateDirectory", kExists, f);
  trial->ExpectRefused(files.Lock(deep).status(), "Lock", kNotFound, deep);
  disk.Lists(disk.directory(), {"f"});
}

// --- who may have it ------------------------------------------------------------

bool Refused(const Disk& disk, const std::string& path, Trial* trial) {
  return trial->ExpectRefused(disk.files().Lock(path).status(), "a second Lock",
                              absl::StatusCode::kFailedPrecondition, path);
}

void HeldByOne(const Disk& disk, Trial* trial) {
  const std::string path = disk.Path("lock");
  auto held = disk.files().Lock(path);
  if (!trial->ExpectOk(held.status(), "Lock")) return;
  Refused(disk, path, trial);
  disk.Lists(disk.directory(), {"lock"});
  held->reset();
  auto next = disk.files().Lock(path);  // also where the file is there already
  if (!trial->ExpectOk(next.status(), "Lock after it was let go")) return;
  Refused(disk, path, trial);
}

// POSIX's own record locks fail here: they end with any descriptor of the file.
void LookedAt(const Disk& disk, Trial* trial) {
  const std::string path = disk.Path("lock");
  const auto held = disk.files().Lock(path);
  if (!trial->ExpectOk(held.status(), "Lock")) return;
  for (int i = 0; i < 3; ++i) Refused(disk, path, trial);
  disk.Holds("lock", "");
  Refused(disk, path, trial);
}

void OtherLocks(const Disk& disk, Trial* trial) {
  const auto one = disk.files().Lock(disk.Path("one"));
  trial->ExpectOk(one.status(), "Lock");
  auto other = disk.files().Lock(disk.Path("other"));
  if (!trial->ExpectOk(other.status(), "Lock of another file")) return;
  other->reset();
  Refused(disk, disk.Path("one"), trial);
}

// What one thread does: files of its own in a directory that all share.
void WorkAside(const Disk& disk, const std::string& name) {
  for (int i = 0; i < 20; ++i) {
    const std::string text = name + std::to_string(i);
    if (disk.Create(name + ".tmp", text) == nullptr) return;
    disk.files().Rename(disk.Path(name + ".tmp"), disk.Path(name)).IgnoreError();
    if (!disk.Holds(name, text)) return;
    disk.files().List(disk.directory()).status().IgnoreError();
  }
}

void SeveralThreads(const Disk& disk, Trial* trial) {
  constexpr size_t kThreads = 4;
  std::vector<Trial> trials(kThreads);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&disk, &own = trials[i], i] {
      WorkAside(Disk(disk.under_test(), &own), "f" + std::to_string(i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Trial& own : trials) trial->GiveUp(own.status());
  disk.Lists(disk.directory(), {"f0", "f1", "f2", "f3"});
}

using FileSystemCheck = void (*)(const Disk& disk, Trial* trial);

const Claims<FileSystemCheck>& AllFileSystemClaims() {
  static const Claims<FileSystemCheck> claims = {
      {"bytes are read where they were written, and zeros in between", ReadWhereWritten},
      {"a write changes its own bytes and no others", OwnBytesOnly},
      {"any number of pieces is written, one after the other, empty ones too", AnyPieces},
      {"a large write is written whole", LargeWrite},
      {"a read ends at the end of the file, and only there", ReadsToTheEnd},
      {"a file takes the size it is given", TakesItsSize},
      {"what was cut off does not come back", CutOff},
      {"what was written is there when the file is opened again", OpenedAgain},
      {"syncing succeeds, whether there is something new or not", Syncs},
      {"kCreate makes a file, and is refused where one is", CreateMakes},
      {"kRead and kWrite need a file, and make none", OpenNeeds},
      {"kWrite keeps what is there", WriteKeeps},
      {"a file opened to read is not changed", OpenedToRead},
      {"two handles of a file see each other's writes", TwoHandles},
      {"a reader sees what is appended meanwhile", SeesAppends},
      {"a rename takes the place of what was there", RenameReplaces},
      {"an open file may be renamed", RenamedOpen},
      {"a removed file stays for those who have it open", RemovedOpen},
      {"a directory is made once, and making it again is fine", DirectoryOnce},
      {"a directory lists what is in it, sorted, itself and its parent not", ListsNames},
      {"slashes to spare change nothing", SpareSlashes},
      {"what is missing or in the way is told by code and path", ToldByCode},
      {"a lock is held by one at a time, until it is let go", HeldByOne},
      {"a lock does not end because somebody else looks at its file", LookedAt},
      {"one lock does not hold another", OtherLocks},
      {"calls from several threads do not disturb each other", SeveralThreads},
  };
  return claims;
}

}  // namespace

absl::Status RunFileSystemConformance(const FileSystemFactory& factory, std::string_view claim) {
  return TryClaims(AllFileSystemClaims(), claim, [&](FileSystemCheck check, Trial* trial) {
    absl::StatusOr<FileSystemUnderTest> under_test = factory();
    if (!under_test.ok()) return trial->GiveUp(under_test.status());
    check(Disk(*std::move(under_test), trial), trial);
  });
}

std::vector<std::string> FileSystemClaims() { return NamesOf(AllFileSystemClaims()); }

}  // namespace v1
}  // namespace zkq::testing
