// What recovery makes of a log after a crash: before every single operation, on
// disks that keep no more than they must and on disks that keep some of the rest;
// and what becomes of a log whose disk fails or fills up.
#include <algorithm>
#include <set>

#include "test/harness/catch.h"
#include "test/storage/fixture.h"

namespace zkq::storage {
namespace {

// xorshift64*: the same on every machine.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed * 2654435761 + 1) {}
  uint64_t Next() override {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1d;
  }

 private:
  uint64_t state_;
};

// Each step is one batch, so a crash leaves all of it or nothing.
using Step = void (*)(Log&);
const std::vector<Step> kSteps = {
    [](Log&) {},
    [](Log& log) { log.Store(StateOf(1)); },
    [](Log& log) {
      log.Append(Entries({}, {1, 1}, 3));
    },
    [](Log& log) {
      log.Append(Entries({1, 3}, {1, 4}, 2, 900));
    },
    [](Log& log) {
      log.Truncate({1, 3});
      log.Store(StateOf(2));
    },
    [](Log& log) {
      log.Append(Entries({1, 3}, {2, 1}, 2));
    },
    [](Log& log) {
      log.Append(Entries({2, 2}, {2, 3}, 3, 500));
    },
    [](Log& log) {
      log.Rebase({4, 9});
      log.Store(StateOf(4));
    },
    [](Log& log) {
      log.Append(Entries({4, 9}, {4, 10}, 2));
    },
};

// What the log says when so many steps are done.
std::vector<std::string> SaidAfterEach() {
  std::vector<std::string> said = {PrintLog(NewDisk())};
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const std::unique_ptr<Log> log = std::move(OpenLog(disk)->log);
  for (Step step : kSteps) {
    step(*log);
    REQUIRE(log->Sync().ok());
    said.push_back(PrintLog(disk));
  }
  return said;
}

// Runs the steps until one fails; returns how many were acknowledged.
size_t RunSteps(const std::shared_ptr<MemoryFileSystem>& disk, absl::Status* failure = nullptr) {
  absl::StatusOr<OpenedLog> opened = OpenLog(disk);
  if (!opened.ok()) return 0;
  for (size_t done = 0; done < kSteps.size(); ++done) {
    kSteps[done](*opened->log);
    const absl::Status status = opened->log->Sync();
    if (failure != nullptr) *failure = status;
    if (!status.ok()) return done;
  }
  return kSteps.size();
}

uint64_t CountOperations() {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const uint64_t before = disk->operations();
  REQUIRE(RunSteps(disk) == kSteps.size());
  return disk->operations() - before;
}

void RequireRecovered(const std::shared_ptr<MemoryFileSystem>& disk, size_t acknowledged,
                      const std::vector<std::string>& said) {
  const std::string now = PrintLog(disk);
  const bool one_more = acknowledged + 1 < said.size() && now == said[acknowledged + 1];
  INFO(acknowledged << " steps were acknowledged; after the crash the log says " << now);
  REQUIRE((now == said[acknowledged] || one_more));
}

void RequireWritable(const std::shared_ptr<MemoryFileSystem>& disk) {
  absl::StatusOr<OpenedLog> opened = OpenLog(disk);
  REQUIRE(opened.ok());
  opened->log->Append(Entries(opened->contents.epochs.last(), {9, 1}, 1));
  REQUIRE(opened->log->Sync() == absl::OkStatus());
  disk->Crash();
  REQUIRE(OpenLog(disk)->contents.epochs.last() == Zxid{9, 1});
}

TEST_CASE("a crash before any operation loses nothing that was acknowledged") {
  const std::vector<std::string> said = SaidAfterEach();
  const uint64_t operations = CountOperations();
  for (uint64_t n = 1; n <= operations + 1; ++n) {
    const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
    disk->CrashBefore(disk->operations() + n);
    const size_t acknowledged = RunSteps(disk);
    disk->Crash();
    RequireRecovered(disk, acknowledged, said);
    RequireWritable(disk);
  }
}

TEST_CASE("a torn crash before any operation loses nothing that was acknowledged") {
  const std::vector<std::string> said = SaidAfterEach();
  const uint64_t operations = CountOperations();
  for (uint64_t n = 1; n <= operations + 1; ++n) {
    for (uint64_t seed = 1; seed <= 25; ++seed) {
      const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
      disk->CrashBefore(disk->operations() + n);
      const size_t acknowledged = RunSteps(disk);
      SeededRandom random(1000 * n + seed);
      disk->CrashTorn(random);
      INFO("operation " << n << " seed " << seed);
      RequireRecovered(disk, acknowledged, said);
      RequireWritable(disk);
    }
  }
}

void ObserveSyncs(MemoryFileSystem* disk, MemoryFileSystem::Verdict verdict) {
  disk->Observe([verdict](const MemoryFileSystem::Operation& operation) {
    const bool syncs = operation.step == MemoryFileSystem::Step::kSync;
    return syncs ? verdict : MemoryFileSystem::Verdict::kProceed;
  });
}

// What is known committed counts from the last batch on: the entries before it are cut.
const std::vector<Step> kBatchesOfOneSync = {
    [](Log& log) {
      log.Append(Entries({1, 2}, {1, 3}, 3));
    },
    [](Log& log) {
      log.Truncate({1, 3});
      log.Store(StateOf(2));
    },
    [](Log& log) {
      log.Append(Entries({1, 3}, {2, 1}, 2));
    },
    [](Log& log) {
      log.Store(StateOf(3));
      log.Hint({2, 1});
    },
};

TEST_CASE("a torn sync of several batches leaves the first of them, whole") {
  std::set<std::string> seen;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
    OpenedLog opened = *OpenLog(disk);
    opened.log->Append(Entries({}, {1, 1}, 2));
    REQUIRE(opened.log->Sync().ok());
    std::vector<std::string> said = {PrintLog(disk)};
    const Files before = FilesOf(*disk);
    for (Step step : kBatchesOfOneSync) {  // one by one: what each has to leave
      step(*opened.log);
      REQUIRE(opened.log->Sync().ok());
      said.push_back(PrintLog(disk));
    }
    const std::shared_ptr<MemoryFileSystem> torn = DiskWith(before);
    OpenedLog again = *OpenLog(torn);
    REQUIRE(again.log->Sync().ok());
    ObserveSyncs(torn.get(), MemoryFileSystem::Verdict::kCrash);
    for (Step step : kBatchesOfOneSync) step(*again.log);
    REQUIRE_FALSE(again.log->Sync().ok());
    torn->Observe(nullptr);
    SeededRandom random(seed);
    torn->CrashTorn(random);
    const std::string now = PrintLog(torn);
    INFO("seed " << seed << ": " << now);
    REQUIRE(std::find(said.begin(), said.end(), now) != said.end());
    seen.insert(now);
  }
  REQUIRE(seen.size() == 1 + kBatchesOfOneSync.size());
}

// The first Sync after a crash mends; it may itself be cut short, again and again.
TEST_CASE("a crash during recovery loses nothing that was acknowledged") {
  const std::vector<std::string> said = SaidAfterEach();
  const uint64_t operations = CountOperations();
  for (uint64_t n = 1; n <= operations; ++n) {
    for (uint64_t m = 1; m <= 5; ++m) {
      const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
      disk->CrashBefore(disk->operations() + n);
      const size_t acknowledged = RunSteps(disk);
      SeededRandom random(1000 * n + m);
      disk->CrashTorn(random);
      disk->CrashBefore(disk->operations() + m);
      absl::StatusOr<OpenedLog> opened = OpenLog(disk);
      REQUIRE(opened.ok());
      opened->log->Sync().IgnoreError();
      disk->CrashTorn(random);
      INFO("operation " << n << " then " << m);
      RequireRecovered(disk, acknowledged, said);
      RequireWritable(disk);
    }
  }
}

// A process may end and start again with the power on: it reads what it wrote
// and never synced. The first Sync makes that durable before it counts.
TEST_CASE("entries read back unsynced are durable after the first sync") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  std::unique_ptr<Log> log = std::move(OpenLog(disk)->log);
  log->Append(Entries({}, {1, 1}, 1));
  REQUIRE(log->Sync().ok());
  ObserveSyncs(disk.get(), MemoryFileSystem::Verdict::kCrash);
  log->Append(Entries({1, 1}, {1, 2}, 1));
  REQUIRE_FALSE(log->Sync().ok());
  disk->Observe(nullptr);
  disk->KillProcess();

  absl::StatusOr<OpenedLog> opened = OpenLog(disk);
  REQUIRE(opened->contents.epochs.last() == Zxid{1, 2});
  REQUIRE(opened->log->Sync().ok());
  disk->Crash();
  REQUIRE(OpenLog(disk)->contents.epochs.last() == Zxid{1, 2});
}

// A failed Sync leaves in the cache what no later one writes: who goes on with that
// acknowledges what a power cut takes away.
TEST_CASE("a log opened after a failed sync has none of what was not synced") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  std::unique_ptr<Log> log = std::move(OpenLog(disk)->log);
  log->Append(Entries({}, {1, 1}, 1));
  REQUIRE(log->Sync().ok());
  ObserveSyncs(disk.get(), MemoryFileSystem::Verdict::kFail);
  log->Append(Entries({1, 1}, {1, 2}, 1));
  REQUIRE_FALSE(log->Sync().ok());
  disk->Observe(nullptr);

  absl::StatusOr<OpenedLog> opened = OpenLog(disk);
  REQUIRE(opened->contents.epochs.last() == Zxid{1, 1});
  opened->log->Append(Entries({1, 1}, {1, 2}, 1));
  REQUIRE(opened->log->Sync().ok());
  disk->Crash();
  REQUIRE(OpenLog(disk)->contents.epochs.last() == Zxid{1, 2});
}

TEST_CASE("a log that has failed once stays failed, and loses nothing that was acknowledged") {
  const std::vector<std::string> said = SaidAfterEach();
  const uint64_t operations = CountOperations();
  for (uint64_t n = 1; n <= operations; ++n) {
    const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
    const uint64_t fails = disk->operations() + n;
    disk->Observe([fails](const MemoryFileSystem::Operation& operation) {
      return operation.number == fails ? MemoryFileSystem::Verdict::kFail
                                       : MemoryFileSystem::Verdict::kProceed;
    });
    absl::StatusOr<OpenedLog> opened = OpenLog(disk);
    REQUIRE(opened.ok());
    size_t acknowledged = 0;
    absl::Status status;
    for (; status.ok(); ++acknowledged) {
      REQUIRE(acknowledged < kSteps.size());
      kSteps[acknowledged](*opened->log);
      status = opened->log->Sync();
    }
    --acknowledged;
    INFO("operation " << n);
    const uint64_t before = disk->operations();
    opened->log->Store(StateOf(9));
    REQUIRE(opened->log->Sync() == status);
    REQUIRE(opened->log->PurgeOne({9, 9}).status() == status);
    REQUIRE(disk->operations() == before);
    disk->Crash();
    RequireRecovered(disk, acknowledged, said);
  }
}

TEST_CASE("a disk that is full at any byte loses nothing that was acknowledged") {
  const std::vector<std::string> said = SaidAfterEach();
  const bool power_cut = GENERATE(false, true);
  size_t full = 0;
  for (uint64_t capacity = 0; capacity < 16'000; capacity += 97) {
    const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
    disk->SetCapacity(capacity);
    absl::Status failure;
    const size_t acknowledged = RunSteps(disk, &failure);
    INFO("capacity " << capacity);
    if (acknowledged < kSteps.size()) {
      REQUIRE(absl::IsResourceExhausted(failure));
      ++full;
    }
    SeededRandom random(capacity);
    if (power_cut) disk->CrashTorn(random);
    disk->SetCapacity(1 << 20);
    RequireRecovered(disk, acknowledged, said);
    RequireWritable(disk);
  }
  REQUIRE(full > 20);
}

TEST_CASE("a torn sync of many small batches leaves the first of their entries") {
  constexpr LogOptions kSmallBatches = {.segment_bytes = 4096, .batch_bytes_max = 150};
  bool cut_short = false;
  for (uint64_t n = 1; n <= 25; ++n) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
      std::unique_ptr<Log> log = std::move(OpenLog(disk, kSmallBatches)->log);
      log->Append(Entries({}, {1, 1}, 3));
      REQUIRE(log->Sync().ok());
      disk->CrashBefore(disk->operations() + n);
      log->Append(Entries({1, 3}, {1, 4}, 20, 60));
      const bool synced = log->Sync().ok();
      SeededRandom random(100 * n + seed);
      disk->CrashTorn(random);
      absl::StatusOr<OpenedLog> opened = OpenLog(disk, kSmallBatches);
      INFO("operation " << n << " seed " << seed);
      REQUIRE(opened.ok());
      const uint32_t last = opened->contents.epochs.last().counter;
      REQUIRE(last >= (synced ? 23 : 3));
      REQUIRE(Print(*opened->log->Read({}, 1 << 20)) ==
              Print(Entries({}, {1, 1}, static_cast<int>(last))));
      cut_short |= last > 3 && last < 23;
    }
  }
  REQUIRE(cut_short);
}

TEST_CASE("a crash while purging leaves no gap") {
  for (uint64_t n = 1; n <= 8; ++n) {
    for (uint64_t seed = 1; seed <= 10; ++seed) {
      const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
      std::unique_ptr<Log> log = std::move(OpenLog(disk)->log);
      for (uint32_t i = 1; i <= 30; ++i) {
        log->Append(Entries({1, i - 1}, {1, i}, 1));
        REQUIRE(log->Sync().ok());
      }
      disk->CrashBefore(disk->operations() + n);
      PurgeAll(log.get(), {1, 28}).IgnoreError();
      SeededRandom random(100 * n + seed);
      disk->CrashTorn(random);
      absl::StatusOr<OpenedLog> opened = OpenLog(disk);
      REQUIRE(opened.ok());
      REQUIRE(opened->contents.epochs.last() == Zxid{1, 30});
      REQUIRE(opened->contents.epochs.begin() <= Zxid{1, 28});
    }
  }
}

}  // namespace
}  // namespace zkq::storage
