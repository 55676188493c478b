#include "lib/storage/snapshots.h"

#include "lib/base/crc32c.h"
#include "lib/storage/snapshot_file.h"
#include "lib/wire/disk.h"
#include "lib/wire/protobuf.h"
#include "test/harness/catch.h"
#include "test/storage/fixture.h"

namespace zkq::storage {
namespace {

constexpr Zxid kAt = {3, 0x1f};
constexpr char kName[] = "snapshot-00000003-0000001f";

const SnapshotMeta kMeta = {.zxid = kAt,
                            .leader_time = 1'700'000'000'000'000,
                            .membership = {{3, 7}, {{.id = ServerId{1}, .address = "a:1"}}},
                            .ensemble = {5, 6}};

std::unique_ptr<Snapshots> OpenSnapshots(const std::shared_ptr<MemoryFileSystem>& disk) {
  absl::StatusOr<std::unique_ptr<Snapshots>> snapshots = Snapshots::Open(disk, kDir);
  REQUIRE(snapshots.ok());
  return *std::move(snapshots);
}

SnapshotJob Writing(std::vector<std::string> records) {
  return [records = std::move(records)](SnapshotWriter& writer) -> absl::Status {
    for (const std::string& record : records) {
      absl::Status status = writer.WriteRecord(record);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  };
}

absl::StatusOr<std::vector<std::string>> ReadAll(const Snapshots& snapshots, Zxid zxid) {
  absl::StatusOr<Snapshots::Opened> opened = snapshots.Read(zxid);
  if (!opened.ok()) return opened.status();
  std::vector<std::string> records;
  for (std::string record;;) {
    absl::StatusOr<bool> more = opened->records->ReadRecord(&record);
    if (!more.ok()) return more.status();
    if (!*more) return records;
    records.push_back(record);
  }
}

const std::vector<std::string> kSample = {"one", "", "three", std::string(300, 'x')};

Files TakeSample() {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  REQUIRE(OpenSnapshots(disk)->Take(kMeta, Writing(kSample)).ok());
  return FilesOf(*disk);
}

TEST_CASE("a snapshot gives back its records") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const std::unique_ptr<Snapshots> snapshots = OpenSnapshots(disk);
  std::vector<std::string> records;
  for (size_t size : {0, 1, 100, 256 << 10, (256 << 10) + 1, 3 << 20}) {
    records.push_back(std::string(size, 'a'));
  }
  REQUIRE(snapshots->Take({{1, 2}}, Writing(records)).ok());
  REQUIRE(snapshots->Take({{1, 9}}, Writing({})).ok());
  REQUIRE(*snapshots->List() == std::vector<Zxid>{{1, 2}, {1, 9}});
  REQUIRE(snapshots->Verify({1, 2}).ok());
  REQUIRE(*ReadAll(*snapshots, {1, 2}) == records);
  REQUIRE(ReadAll(*snapshots, {1, 9})->empty());
  REQUIRE(absl::IsNotFound(snapshots->Verify({1, 3}).status()));
}

TEST_CASE("a snapshot says what it is a snapshot of") {
  const std::shared_ptr<MemoryFileSystem> disk = DiskWith(TakeSample());
  const std::unique_ptr<Snapshots> snapshots = OpenSnapshots(disk);
  REQUIRE(*snapshots->Verify(kAt) == kMeta);
  REQUIRE(*snapshots->Adopt(kAt, kMeta.ensemble, [] {}) == kMeta);
  REQUIRE(snapshots->Read(kAt)->meta == kMeta);
}

// What was written until then has no head.
TEST_CASE("a snapshot that was not finished is none") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  std::unique_ptr<File> file =
      *disk->Open(std::string(kDir) + "/" + kName, FileSystem::Mode::kCreate);
  SnapshotFileWriter writer(file.get(), kMeta);
  for (int i = 0; i < 10; ++i) REQUIRE(writer.WriteRecord(std::string(300'000, 'x')).ok());
  REQUIRE(absl::IsDataLoss(OpenSnapshots(disk)->Verify(kAt).status()));
  REQUIRE(writer.Finish().ok());
  REQUIRE(*OpenSnapshots(disk)->Verify(kAt) == kMeta);
}

TEST_CASE("a reader at the end of a snapshot says so each time") {
  const std::shared_ptr<MemoryFileSystem> disk = DiskWith(TakeSample());
  const std::unique_ptr<SnapshotReader> reader = std::move(OpenSnapshots(disk)->Read(kAt)->records);
  std::string record;
  for (size_t i = 0; i < kSample.size(); ++i) REQUIRE(*reader->ReadRecord(&record));
  REQUIRE_FALSE(*reader->ReadRecord(&record));
  REQUIRE_FALSE(*reader->ReadRecord(&record));
}

TEST_CASE("a snapshot that is damaged at any bit does not verify") {
  Files files = TakeSample();
  std::string& bytes = files[kName];
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const absl::Status status = OpenSnapshots(DiskWith(files))->Verify(kAt).status();
    INFO("bit " << bit << ": " << status.ToString());
    REQUIRE(absl::IsDataLoss(status));
    REQUIRE(status.ToString().find(kName) != std::string::npos);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  }
  REQUIRE(OpenSnapshots(DiskWith(files))->Verify(kAt).ok());
}

TEST_CASE("a snapshot that is cut anywhere or has a byte more does not verify") {
  Files files = TakeSample();
  const std::string bytes = files[kName];
  for (size_t size = 0; size < bytes.size(); ++size) {
    files[kName] = bytes.substr(0, size);
    REQUIRE(absl::IsDataLoss(OpenSnapshots(DiskWith(files))->Verify(kAt).status()));
  }
  files[kName] = bytes + '\0';
  REQUIRE(absl::IsDataLoss(OpenSnapshots(DiskWith(files))->Verify(kAt).status()));
}

TEST_CASE("a snapshot under the name of another does not verify") {
  Files files = TakeSample();
  const Files renamed = {{"snapshot-00000003-00000020", files[kName]}};
  REQUIRE(absl::IsDataLoss(OpenSnapshots(DiskWith(renamed))->Verify({3, 0x20}).status()));
}

TEST_CASE("a snapshot whose chunks changed places does not verify") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  REQUIRE(OpenSnapshots(disk)->Take({kAt}, Writing({"aaaa", "bbbb"})).ok());
  Files files = FilesOf(*disk);
  std::string& bytes = files[kName];
  const size_t first = kSectorBytes + EncodeSnapshotMeta({kAt}).size(), second = first + 20;
  bytes = bytes.substr(0, first) + bytes.substr(second, 20) + bytes.substr(first, 20) +
          bytes.substr(second + 20);
  REQUIRE(absl::IsDataLoss(OpenSnapshots(DiskWith(files))->Verify(kAt).status()));
}

TEST_CASE("a newer snapshot format is refused with nothing changed") {
  Files files = TakeSample();
  std::string& bytes = files[kName];
  bytes[8] = 2;  // the version
  wire::PutLittleEndian32(&bytes[508], Crc32c(std::string_view(bytes).substr(0, 508)));
  files["snapshot-00000009-00000001.tmp"] = "left over";
  const std::shared_ptr<MemoryFileSystem> disk = DiskWith(files);
  REQUIRE(absl::IsFailedPrecondition(Snapshots::Open(disk, kDir).status()));
  REQUIRE(FilesOf(*disk) == files);
}

TEST_CASE("a job that fails leaves nothing, and what was there stays") {
  const std::shared_ptr<MemoryFileSystem> disk = DiskWith(TakeSample());
  const std::unique_ptr<Snapshots> snapshots = OpenSnapshots(disk);
  const Files before = FilesOf(*disk);
  const absl::Status status = snapshots->Take({kAt}, [](SnapshotWriter& writer) {
    writer.WriteRecord("half of it").IgnoreError();
    return absl::CancelledError("changed my mind");
  });
  REQUIRE(absl::IsCancelled(status));
  REQUIRE(FilesOf(*disk) == before);
}

TEST_CASE("a record that is too large fails the snapshot, whatever the job says") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const absl::Status status = OpenSnapshots(disk)->Take({kAt}, [](SnapshotWriter& writer) {
    const absl::Status first = writer.WriteRecord(std::string((64 << 20) + 1, 'x'));
    REQUIRE(writer.WriteRecord("small") == first);
    return absl::OkStatus();
  });
  REQUIRE(absl::IsInvalidArgument(status));
  REQUIRE(FilesOf(*disk).empty());
}

TEST_CASE("a full disk fails the snapshot and leaves nothing") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const std::unique_ptr<Snapshots> snapshots = OpenSnapshots(disk);
  disk->SetCapacity(100);
  REQUIRE(absl::IsResourceExhausted(snapshots->Take({kAt}, Writing(kSample))));
  REQUIRE(FilesOf(*disk).empty());
}

TEST_CASE("a crash at any operation leaves a whole snapshot or none") {
  for (uint64_t n = 1; n <= 8; ++n) {
    const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
    const std::unique_ptr<Snapshots> snapshots = OpenSnapshots(disk);
    disk->CrashBefore(disk->operations() + n);
    const bool taken = snapshots->Take({kAt}, Writing(kSample)).ok();
    disk->Crash();
    const std::unique_ptr<Snapshots> after = OpenSnapshots(disk);
    INFO("operation " << n);
    const std::vector<Zxid> listed = *after->List();
    REQUIRE((!taken || listed.size() == 1));
    for (Zxid zxid : listed) REQUIRE(*ReadAll(*after, zxid) == kSample);
    REQUIRE(FilesOf(*disk).size() == listed.size());
  }
}

// Moves the sample, so many bytes a time, and stops after some.
void Transfer(const Snapshots& from, Snapshots& to, size_t step, uint64_t stop) {
  const std::unique_ptr<Snapshots::Incoming> incoming = *to.Receive(kAt);
  while (incoming->offset() < stop) {
    const std::string bytes = *from.ReadBytes(kAt, incoming->offset(), step);
    if (bytes.empty()) {
      REQUIRE(incoming->Finish([] {}).ok());
      return;
    }
    REQUIRE(incoming->Write(bytes).ok());
  }
}

TEST_CASE("a snapshot is received in pieces, and a later attempt goes on where one broke off") {
  const std::unique_ptr<Snapshots> from = OpenSnapshots(DiskWith(TakeSample()));
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const std::unique_ptr<Snapshots> to = OpenSnapshots(disk);
  Transfer(*from, *to, 7, 100);
  REQUIRE(to->List()->empty());
  REQUIRE((*to->Receive(kAt))->offset() == 105);
  Transfer(*from, *to, 64, UINT64_MAX);
  REQUIRE(*ReadAll(*to, kAt) == kSample);
  disk->Crash();
  REQUIRE(*ReadAll(*OpenSnapshots(disk), kAt) == kSample);
  REQUIRE(FilesOf(*disk).size() == 1);
}

TEST_CASE("a received snapshot replaces one of another ensemble, which is not adopted") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const std::unique_ptr<Snapshots> snapshots = OpenSnapshots(disk);
  REQUIRE(snapshots->Take({.zxid = kAt, .ensemble = {7, 7}}, Writing({"strange"})).ok());
  REQUIRE(absl::IsFailedPrecondition(snapshots->Adopt(kAt, kMeta.ensemble, [] {}).status()));
  const std::unique_ptr<Snapshots> from = OpenSnapshots(DiskWith(TakeSample()));
  Transfer(*from, *snapshots, 64, UINT64_MAX);
  REQUIRE(*snapshots->Adopt(kAt, kMeta.ensemble, [] {}) == kMeta);
  REQUIRE(*ReadAll(*snapshots, kAt) == kSample);
}

TEST_CASE("what has arrived of a snapshot is removed once another one is received") {
  Files files = TakeSample();
  files["snapshot-00000001-00000001.tmp"] = "being taken";
  files["snapshot-old.part.txt"] = "mine";
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const std::unique_ptr<Snapshots> snapshots = OpenSnapshots(disk);
  for (const auto& [name, bytes] : files) disk->SetContents(kDir + ("/" + name), bytes);
  REQUIRE((*snapshots->Receive({4, 1}))->Write("half").ok());
  REQUIRE((*snapshots->Receive({4, 2}))->Write("more").ok());
  files["snapshot-00000004-00000002.part"] = "more";
  REQUIRE(FilesOf(*disk) == files);
}

TEST_CASE("a received snapshot that does not verify is removed") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const std::unique_ptr<Snapshots> snapshots = OpenSnapshots(disk);
  const std::unique_ptr<Snapshots::Incoming> incoming = *snapshots->Receive(kAt);
  REQUIRE(incoming->Write("anything").ok());
  REQUIRE(absl::IsDataLoss(incoming->Finish([] {}).status()));
  REQUIRE(FilesOf(*disk).empty());
  REQUIRE((*snapshots->Receive(kAt))->offset() == 0);
}

// The bytes of a snapshot whose one record has so many.
std::string LargeSnapshot(size_t size) {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const std::unique_ptr<Snapshots> snapshots = OpenSnapshots(disk);
  REQUIRE(snapshots->Take(kMeta, Writing({std::string(size, 'x')})).ok());
  return *snapshots->ReadBytes(kAt, 0, 2 * size);
}

TEST_CASE("a large snapshot is made durable as it comes, and its verification shows progress") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const std::unique_ptr<Snapshots> snapshots = OpenSnapshots(disk);
  const std::string bytes = LargeSnapshot(20 << 20);
  int syncs = 0;
  disk->SetWitness([&](const MemoryFileSystem::Operation& operation) {
    syncs += operation.step == MemoryFileSystem::Step::kSync;
  });
  const std::unique_ptr<Snapshots::Incoming> incoming = *snapshots->Receive(kAt);
  while (incoming->offset() < bytes.size()) {
    REQUIRE(incoming->Write(std::string_view(bytes).substr(incoming->offset(), 1 << 20)).ok());
  }
  CHECK(syncs == 2);
  int steps = 0;
  REQUIRE(incoming->Finish([&] { ++steps; }).ok());
  CHECK(steps == 1);
  REQUIRE(snapshots->Adopt(kAt, kMeta.ensemble, [&] { ++steps; }).ok());
  CHECK(steps == 2);
}

TEST_CASE("what has arrived of a snapshot is not gone on from after a failed fsync") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const std::unique_ptr<Snapshots> snapshots = OpenSnapshots(disk);
  disk->Observe([](const MemoryFileSystem::Operation& operation) {
    return operation.step == MemoryFileSystem::Step::kSync ? MemoryFileSystem::Verdict::kFail
                                                           : MemoryFileSystem::Verdict::kProceed;
  });
  REQUIRE(!(*snapshots->Receive(kAt))->Write(std::string(8 << 20, 'x')).ok());
  REQUIRE(FilesOf(*disk).empty());
}

TEST_CASE("leftovers of snapshots are removed at the start, and other files are left alone") {
  Files files = TakeSample();
  const Files kept = {{kName, files[kName]}, {"notes.txt", "mine"}, {"snapshot-old", "?"}};
  files.insert(kept.begin(), kept.end());
  files["snapshot-00000004-00000001.tmp"] = "x";
  files["snapshot-00000004-00000002.part"] = "x";
  const std::shared_ptr<MemoryFileSystem> disk = DiskWith(files);
  REQUIRE(*OpenSnapshots(disk)->List() == std::vector<Zxid>{kAt});
  REQUIRE(FilesOf(*disk) == kept);
}

TEST_CASE("purging keeps the newest, and all that are newer than it is told of") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const std::unique_ptr<Snapshots> snapshots = OpenSnapshots(disk);
  REQUIRE(*snapshots->Purge(3, {}) == Zxid{});
  for (uint32_t i = 1; i <= 6; ++i) REQUIRE(snapshots->Take({{1, i}}, Writing({})).ok());
  REQUIRE(*snapshots->Purge(3, {}) == Zxid{1, 1});
  REQUIRE(*snapshots->Purge(4, {1, 6}) == Zxid{1, 3});
  REQUIRE(*snapshots->Purge(1, {1, 4}) == Zxid{1, 4});
  REQUIRE(*snapshots->List() == std::vector<Zxid>{{1, 4}, {1, 5}, {1, 6}});
  REQUIRE(*snapshots->Purge(0, {9, 9}) == Zxid{1, 6});
  disk->Crash();
  REQUIRE(*snapshots->List() == std::vector<Zxid>{{1, 6}});
}

}  // namespace
}  // namespace zkq::storage
