#include "lib/storage/data_dir.h"

#include "lib/base/crc32c.h"
#include "lib/storage/framing.h"
#include "lib/wire/protobuf.h"
#include "test/harness/catch.h"
#include "test/storage/fixture.h"

namespace zkq::storage {
namespace {

class CountingRandom final : public Random {
 public:
  uint64_t Next() override { return ++last_; }

 private:
  uint64_t last_ = 100;
};

DataDirOptions OptionsOf(uint64_t sid, int64_t wall_micros = 1000) {
  DataDirOptions options;
  options.sid = ServerId{sid};
  options.random = std::make_shared<CountingRandom>();
  options.wall_micros = wall_micros;
  options.log = kTiny;
  return options;
}

absl::StatusOr<DataDir> Open(const std::shared_ptr<MemoryFileSystem>& disk,
                             const DataDirOptions& options = OptionsOf(1)) {
  return DataDir::Open(disk, kDir, options);
}

SnapshotJob Empty() {
  return [](SnapshotWriter&) { return absl::OkStatus(); };
}

// `count` entries of epoch 1 after the first `before`, synced one by one.
void Fill(DataDir& dir, uint32_t before, uint32_t count) {
  for (uint32_t i = before + 1; i <= before + count; ++i) {
    dir.log->Append(Entries({1, i - 1}, {1, i}, 1));
    REQUIRE(dir.log->Sync().ok());
  }
}

TEST_CASE("a new directory gets an identity, durably") {
  auto disk = std::make_shared<MemoryFileSystem>();
  HardState state;
  {
    absl::StatusOr<DataDir> dir = Open(disk);
    REQUIRE(dir.ok());
    state = dir->recovered.state;
    REQUIRE(state.sid == ServerId{1});
    REQUIRE(state.disk == DiskId{101, 102});
    REQUIRE(state.boot == 1000);
    REQUIRE(state.config == Membership{});
    REQUIRE(state.ensemble == EnsembleId{});
    REQUIRE(dir->recovered.epochs.last() == Zxid{});
    REQUIRE(dir->recovered.base.zxid == Zxid{});
    REQUIRE(dir->recovered.commit == Zxid{});
  }
  disk->Crash();
  absl::StatusOr<DataDir> dir = Open(disk);
  REQUIRE(dir.ok());
  ++state.boot;
  REQUIRE(dir->recovered.state == state);
}

TEST_CASE("a directory that is opened without an id has one of its own from then on") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const ServerId minted = Open(disk, OptionsOf(0))->recovered.state.sid;
  CHECK(minted > kServerIdMax);
  CHECK(Open(disk, OptionsOf(0))->recovered.state.sid == minted);
  CHECK(absl::IsFailedPrecondition(Open(disk, OptionsOf(1)).status()));
}

TEST_CASE("a directory that has an id need not be told it") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const HardState before = Open(disk, OptionsOf(7))->recovered.state;
  const HardState after = Open(disk, OptionsOf(0))->recovered.state;
  CHECK(after.sid == ServerId{7});
  CHECK(after.disk == before.disk);
}

TEST_CASE("the boot id grows whatever the clock does") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  uint64_t last = 0;
  for (int64_t wall : {5000, 4000, 9000, -1, 0}) {
    const uint64_t boot = Open(disk, OptionsOf(1, wall))->recovered.state.boot;
    REQUIRE(boot > last);
    REQUIRE((wall < 0 || boot >= static_cast<uint64_t>(wall)));
    last = boot;
  }
}

TEST_CASE("no boot id is given twice, wherever the start is cut off") {
  for (uint64_t n = 1; n <= 12; ++n) {
    const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
    disk->CrashBefore(disk->operations() + n);
    const absl::StatusOr<DataDir> first = Open(disk, OptionsOf(1, 0));
    const HardState before = first.ok() ? first->recovered.state : HardState{};
    disk->Crash();
    const absl::StatusOr<DataDir> second = Open(disk, OptionsOf(1, 0));
    INFO("operation " << n);
    REQUIRE(second.ok());
    REQUIRE(second->recovered.state.boot > before.boot);
    if (first.ok()) REQUIRE(second->recovered.state.disk == before.disk);
  }
}

TEST_CASE("a directory is held by one replica at a time") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  absl::StatusOr<DataDir> dir = Open(disk);
  REQUIRE(dir.ok());
  REQUIRE(absl::IsFailedPrecondition(Open(disk).status()));
  dir = absl::CancelledError();
  REQUIRE(Open(disk).ok());
}

TEST_CASE("the directory of another server is refused, naming both") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  REQUIRE(Open(disk, OptionsOf(2)).ok());
  const Files before = FilesOf(*disk);
  const absl::Status status = Open(disk, OptionsOf(1)).status();
  REQUIRE(absl::IsFailedPrecondition(status));
  REQUIRE(status.ToString().find("server 2, not to server 1") != std::string::npos);
  REQUIRE(FilesOf(*disk) == before);
}

TEST_CASE("a directory has no configuration before the ensemble is founded, then the stored one") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const std::vector<Member> members = {{.id = ServerId{1}, .address = "a:1", .disk = {1, 2}},
                                       {.id = ServerId{2}, .address = "b:2", .disk = {3, 4}}};
  {
    absl::StatusOr<DataDir> dir = Open(disk, OptionsOf(1));
    REQUIRE(dir->recovered.state.config == Membership{});
    HardState founded = dir->recovered.state;
    founded.ensemble = {1, 1};
    founded.config.members = members;
    dir->log->Store(founded);
    REQUIRE(dir->log->Sync().ok());
  }
  REQUIRE(Open(disk, OptionsOf(1))->recovered.state.config.members == members);
}

TEST_CASE("recovery goes on from the newest snapshot that verifies") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  {
    DataDir dir = *Open(disk);
    Fill(dir, 0, 20);
    REQUIRE(dir.snapshots->Take({{1, 8}}, Empty()).ok());
    REQUIRE(dir.snapshots->Take({{1, 15}}, Empty()).ok());
  }
  {
    const DataDir dir = *Open(disk);
    REQUIRE(dir.recovered.base.zxid == Zxid{1, 15});
    REQUIRE(dir.recovered.commit == Zxid{1, 15});
    REQUIRE(dir.recovered.epochs.begin() == Zxid{});
    REQUIRE(dir.recovered.epochs.last() == Zxid{1, 20});
    REQUIRE((dir.recovered.epochs == Epochs({}, {{1, 20}})));
  }
  disk->SetContents("dir/snapshot-00000001-0000000f", "damaged");
  REQUIRE(Open(disk)->recovered.base.zxid == Zxid{1, 8});
  disk->SetContents("dir/snapshot-00000001-00000008", "damaged too");
  REQUIRE(Open(disk)->recovered.base.zxid == Zxid{});
}

TEST_CASE("a snapshot of another ensemble is not gone on from") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  {
    DataDir dir = *Open(disk);
    HardState founded = dir.recovered.state;
    founded.ensemble = {1, 1};
    dir.log->Store(founded);
    Fill(dir, 0, 30);
    REQUIRE(dir.snapshots->Take({.zxid = {1, 8}, .ensemble = {1, 1}}, Empty()).ok());
    REQUIRE(dir.snapshots->Take({.zxid = {1, 25}, .ensemble = {2, 2}}, Empty()).ok());
  }
  {
    DataDir dir = *Open(disk);
    REQUIRE(dir.recovered.base.zxid == Zxid{1, 8});
    REQUIRE(*PurgeAll(dir.log.get(), {1, 25}) > Zxid{1, 8});
  }
  const absl::Status status = Open(disk).status();
  REQUIRE(absl::IsDataLoss(status));
  REQUIRE(status.ToString().find("1:25 belongs to ensemble " + ToString(EnsembleId{2, 2}) +
                                 ", and the log to " + ToString(EnsembleId{1, 1})) !=
          std::string::npos);
}

TEST_CASE("a log that begins after every good snapshot is data loss") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  {
    DataDir dir = *Open(disk);
    Fill(dir, 0, 30);
    REQUIRE(dir.snapshots->Take({{1, 3}}, Empty()).ok());
    REQUIRE(dir.snapshots->Take({{1, 25}}, Empty()).ok());
    REQUIRE(*PurgeAll(dir.log.get(), {1, 25}) > Zxid{1, 3});
  }
  REQUIRE(Open(disk)->recovered.base.zxid == Zxid{1, 25});
  disk->SetContents("dir/snapshot-00000001-00000019", "damaged");
  const Files before = FilesOf(*disk);
  const absl::Status status = Open(disk).status();
  REQUIRE(absl::IsDataLoss(status));
  REQUIRE(status.ToString().find("snapshot-00000001-00000019") != std::string::npos);
  REQUIRE(FilesOf(*disk) == before);
}

TEST_CASE("snapshots without a log are data loss") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  REQUIRE(Snapshots::Open(disk, kDir).value()->Take({{1, 3}}, Empty()).ok());
  REQUIRE(absl::IsDataLoss(Open(disk).status()));
}

// A disk whose List fails from the `broken`th on.
class Unlistable final : public FileSystem {
 public:
  Unlistable(std::shared_ptr<MemoryFileSystem> disk, int broken)
      : disk_(std::move(disk)), left_(broken) {}
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, Mode mode) override {
    return disk_->Open(path, mode);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return disk_->Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return disk_->Remove(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    if (--left_ <= 0) return absl::UnavailableError("no listing");
    return disk_->List(directory);
  }
  absl::Status CreateDirectory(const std::string& path) override {
    return disk_->CreateDirectory(path);
  }
  absl::Status SyncDirectory(const std::string& path) override {
    return disk_->SyncDirectory(path);
  }
  absl::StatusOr<std::unique_ptr<File>> Lock(const std::string& path) override {
    return disk_->Lock(path);
  }
  bool failed() const { return left_ <= 0; }

 private:
  const std::shared_ptr<MemoryFileSystem> disk_;
  int left_;
};

// Else a directory whose log is gone could look like a fresh one.
TEST_CASE("a directory that cannot be listed is not started from") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  REQUIRE(Snapshots::Open(disk, kDir).value()->Take({{1, 3}}, Empty()).ok());
  for (int broken = 1;; ++broken) {
    auto unlistable = std::make_shared<Unlistable>(disk, broken);
    const absl::Status status = DataDir::Open(unlistable, kDir, OptionsOf(1)).status();
    CAPTURE(broken, status.ToString());
    if (!unlistable->failed()) {
      REQUIRE(absl::IsDataLoss(status));
      return;
    }
    REQUIRE(absl::IsUnavailable(status));
    REQUIRE_FALSE(FilesOf(*disk).contains(SegmentName(1)));
  }
}

TEST_CASE("a fetched snapshot counts once the log has switched to it") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  {
    DataDir dir = *Open(disk);
    Fill(dir, 0, 5);
    REQUIRE(dir.snapshots->Take({{3, 7}}, Empty()).ok());
  }
  {
    DataDir dir = *Open(disk);
    REQUIRE(dir.recovered.base.zxid == Zxid{});
    REQUIRE(dir.recovered.epochs.last() == Zxid{1, 5});
    dir.log->Rebase({3, 7});
    REQUIRE(dir.log->Sync().ok());
  }
  const DataDir dir = *Open(disk);
  REQUIRE(dir.recovered.base.zxid == Zxid{3, 7});
  REQUIRE(dir.recovered.epochs.last() == Zxid{3, 7});
  REQUIRE(dir.recovered.epochs.begin() == Zxid{3, 7});
  REQUIRE(dir.recovered.commit == Zxid{3, 7});
  REQUIRE(dir.recovered.window.empty());
}

// The job of an older snapshot may end after the switch to a newer one.
TEST_CASE("purging after an older snapshot leaves the one the log begins with") {
  const int retain = GENERATE(1, 3);
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  {
    absl::StatusOr<DataDir> dir = Open(disk);
    REQUIRE(dir.ok());
    Fill(*dir, 0, 8);
    // Fetched from leaders that were lost, and from one that was not.
    for (const Zxid fetched : {Zxid{2, 7}, Zxid{3, 7}, Zxid{1, 100}}) {
      REQUIRE(dir->snapshots->Take({fetched}, Empty()).ok());
    }
    dir->log->Rebase({1, 100});
    REQUIRE(dir->log->Sync().ok());
    REQUIRE(dir->snapshots->Take({{1, 8}}, Empty()).ok());
    const absl::StatusOr<Zxid> oldest = dir->snapshots->Purge(retain, {1, 8});
    REQUIRE(oldest.ok());
    REQUIRE(PurgeAll(dir->log.get(), *oldest).ok());
  }
  absl::StatusOr<DataDir> again = Open(disk);
  REQUIRE(again.ok());
  REQUIRE(again->recovered.base.zxid == Zxid{1, 100});
}

TEST_CASE("a start knows as committed the newest of snapshot, hint and configuration") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  {
    DataDir dir = *Open(disk);
    Fill(dir, 0, 10);
    dir.log->Hint({1, 4});
    Fill(dir, 10, 1);
  }
  {
    DataDir dir = *Open(disk);
    REQUIRE(dir.recovered.commit == Zxid{1, 4});
    HardState state = dir.recovered.state;
    state.config.version = {1, 6};
    dir.log->Store(state);
    REQUIRE(dir.log->Sync().ok());
  }
  {
    DataDir dir = *Open(disk);
    REQUIRE(dir.recovered.commit == Zxid{1, 6});
    REQUIRE(dir.snapshots->Take({{1, 9}}, Empty()).ok());
  }
  REQUIRE(Open(disk)->recovered.commit == Zxid{1, 9});
}

TEST_CASE("a directory of a newer version is refused with nothing changed") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  REQUIRE(Open(disk).ok());
  Files files = FilesOf(*disk);
  std::string sector = EncodeSegmentHeader({2, 0});
  sector[8] = 2;  // the version
  wire::PutLittleEndian32(&sector[508], Crc32c(std::string_view(sector).substr(0, 508)));
  files[SegmentName(2)] = sector;
  files["snapshot-00000004-00000001.tmp"] = "left over";
  const std::shared_ptr<MemoryFileSystem> newer = DiskWith(files);
  REQUIRE(absl::IsFailedPrecondition(Open(newer).status()));
  REQUIRE(FilesOf(*newer) == files);
}

}  // namespace
}  // namespace zkq::storage
