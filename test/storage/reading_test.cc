// A reader beside the writer: what it sees is always one history, contiguous, of
// entries that were durable.
#include <atomic>
#include <mutex>
#include <thread>

#include "test/harness/catch.h"
#include "test/storage/fixture.h"

namespace zkq::storage {
namespace {

TEST_CASE("a reader beside the writer sees one contiguous history") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  std::unique_ptr<Log> log = std::move(OpenLog(disk)->log);
  REQUIRE(log->Sync().ok());
  std::atomic<bool> done = false;
  std::atomic<int> failures = 0;
  std::mutex mutex;
  Zxid begin = {};  // of the log, after the last purge

  std::thread writer([&] {
    Zxid last = {};
    for (uint32_t epoch = 1; epoch <= 60; ++epoch) {
      log->Append(Entries(last, {epoch, 1}, 8, 100));
      if (!log->Sync().ok()) ++failures;
      log->Truncate({epoch, 5});  // what follows is of the next epoch
      if (!log->Sync().ok()) ++failures;
      last = {epoch, 5};
      if (epoch % 10 != 0) continue;
      const absl::StatusOr<Zxid> purged = PurgeAll(log.get(), {epoch - 5, 5});
      if (!purged.ok()) ++failures;
      const std::lock_guard lock(mutex);
      begin = purged.value_or(Zxid{});
    }
    done = true;
  });

  // Pages on from where the log reaches back to, and starts over when it is
  // purged or cut under the reader.
  size_t seen = 0;
  Zxid after = {};
  while (!done || seen == 0) {
    const absl::StatusOr<std::vector<Txn>> page = log->Read(after, 500);
    if (absl::IsOutOfRange(page.status())) {
      const std::lock_guard lock(mutex);
      after = begin;
      continue;
    }
    REQUIRE(page.ok());
    for (const Txn& txn : *page) {
      REQUIRE(txn.prev == after);
      after = txn.zxid;
      ++seen;
    }
  }
  writer.join();
  REQUIRE(failures == 0);
}

TEST_CASE("entries that were cut off are not read, wherever the cut lies between batches") {
  for (uint32_t kept = 1; kept <= 4; ++kept) {
    std::unique_ptr<Log> log = std::move(OpenLog(NewDisk(), {})->log);
    for (uint32_t counter = 1; counter <= 5; ++counter) {
      log->Append(Entries({1, counter - 1}, {1, counter}, 1));
      REQUIRE(log->Sync().ok());
    }
    log->Truncate({1, kept});
    log->Append(Entries({1, kept}, {2, 1}, 2));
    REQUIRE(log->Sync().ok());
    const absl::StatusOr<std::vector<Txn>> page = log->Read({1, 1}, 1 << 20);
    REQUIRE(page.status() == absl::OkStatus());
    REQUIRE(page->size() == kept + 1);
    REQUIRE(page->back().zxid == Zxid{2, 2});
  }
}

}  // namespace
}  // namespace zkq::storage
