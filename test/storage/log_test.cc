#include "lib/storage/log.h"

#include "lib/wire/disk.h"
#include "test/harness/catch.h"
#include "test/storage/fixture.h"

namespace zkq::storage {
namespace {

// A log on a disk of its own.
class Fixture {
 public:
  explicit Fixture(const LogOptions& options = kTiny) : options_(options) { Reopen(); }

  void Reopen() {
    opened_ = {};
    absl::StatusOr<OpenedLog> opened = OpenLog(disk_, options_);
    REQUIRE(opened.ok());
    opened_ = *std::move(opened);
    REQUIRE(log().Sync().ok());
  }
  Log& log() { return *opened_.log; }
  Recovered& contents() { return opened_.contents; }
  MemoryFileSystem& disk() { return *disk_; }

  void Append(Zxid prev, Zxid first, int count, size_t bytes = 10) {
    log().Append(Entries(prev, first, count, bytes));
    REQUIRE(log().Sync().ok());
  }
  std::string ReadAll(Zxid after) {
    const absl::StatusOr<std::vector<Txn>> read = log().Read(after, 1 << 20);
    return read.ok() ? Print(*read) : read.status().ToString();
  }

 private:
  const LogOptions options_;
  std::shared_ptr<MemoryFileSystem> disk_ = NewDisk();
  OpenedLog opened_;
};

TEST_CASE("a new log is fresh and empty") {
  Fixture f;
  REQUIRE(f.contents().fresh);
  REQUIRE(f.contents().epochs.last() == Zxid{});
  REQUIRE(f.contents().window.empty());
  REQUIRE(f.ReadAll({}) == "");
  f.Reopen();
  REQUIRE(f.contents().fresh);
}

TEST_CASE("entries that were synced are there after a reopening") {
  Fixture f;
  f.log().Store(StateOf(3));
  f.log().Append(Entries({}, {1, 1}, 3));
  f.log().Append(Entries({1, 3}, {3, 1}, 2));
  f.log().Hint({3, 1});
  REQUIRE(f.log().dirty());
  REQUIRE(f.log().Sync().ok());
  REQUIRE_FALSE(f.log().dirty());
  f.Reopen();
  const Recovered& contents = f.contents();
  REQUIRE_FALSE(contents.fresh);
  REQUIRE(contents.state == StateOf(3));
  REQUIRE(contents.epochs.last() == Zxid{3, 2});
  REQUIRE(contents.commit == Zxid{3, 1});
  REQUIRE((contents.epochs == Epochs({}, {{1, 3}, {3, 2}})));
  REQUIRE(contents.last_leader_time == 1003);
  REQUIRE(Print(contents.window) == "1:1 1:2 1:3 3:1 3:2");
  REQUIRE(contents.window[1].command.view() == "1:2..........");
  REQUIRE(f.ReadAll({}) == "1:1 1:2 1:3 3:1 3:2");
}

// Whatever has become of the newest entries that are kept in memory.
TEST_CASE("all reconfigurations of the live history are found at the start") {
  Fixture f({.segment_bytes = 4096, .window_txns_max = 2});
  Zxid last;
  const auto reconfigure = [&](Zxid zxid, uint64_t server) {
    const Membership membership{.members = {{.id = ServerId{server}}}};
    const Txn txn = EncodeTxn(zxid, last, TxnKind::kReconfig, {}, 0, EncodeMembership(membership));
    f.log().Append({&txn, 1});
    last = zxid;
  };
  const auto found = [&] {
    REQUIRE(f.log().Sync().ok());
    f.Reopen();
    std::string text;
    for (const Membership& membership : f.contents().reconfigurations) {
      text += " " + ToString(membership.version) + "=" + ToString(membership.members[0].id);
    }
    return text;
  };
  reconfigure({1, 1}, 7);
  reconfigure({1, 2}, 8);
  f.Append({1, 2}, {1, 3}, 100);
  REQUIRE(f.contents().window.size() <= 2);
  REQUIRE(found() == " 1:1=7 1:2=8");
  f.log().Truncate({1, 1});
  last = {1, 1};
  REQUIRE(found() == " 1:1=7");
  reconfigure({2, 1}, 9);
  REQUIRE(found() == " 1:1=7 2:1=9");
  f.log().Rebase({4, 20});
  REQUIRE(found() == "");
}

TEST_CASE("nothing is readable before it is durable") {
  Fixture f;
  f.log().Append(Entries({}, {1, 1}, 2));
  REQUIRE(f.ReadAll({}) == "");
  REQUIRE(f.log().Sync().ok());
  REQUIRE(f.ReadAll({}) == "1:1 1:2");
}

TEST_CASE("a sync is one write a batch, and one fsync, whatever was added") {
  Fixture f({.segment_bytes = 1 << 20});
  f.Append({}, {1, 1}, 1);
  std::vector<MemoryFileSystem::Step> steps;
  f.disk().Observe([&](const MemoryFileSystem::Operation& operation) {
    steps.push_back(operation.step);
    return MemoryFileSystem::Verdict::kProceed;
  });
  using Step = MemoryFileSystem::Step;
  f.log().Append(Entries({1, 1}, {1, 2}, 500));
  REQUIRE(f.log().Sync().ok());
  REQUIRE(steps == std::vector{Step::kWrite, Step::kSync});
  steps.clear();
  f.log().Append(Entries({1, 501}, {1, 502}, 500));
  f.log().Store(StateOf(1));  // A batch of its own.
  REQUIRE(f.log().Sync().ok());
  REQUIRE(steps == std::vector{Step::kWrite, Step::kWrite, Step::kSync});
}

TEST_CASE("a hint alone forces no sync and rides on the next") {
  Fixture f;
  f.Append({}, {1, 1}, 2);
  f.log().Hint({1, 1});
  REQUIRE_FALSE(f.log().dirty());
  const uint64_t before = f.disk().operations();
  REQUIRE(f.log().Sync().ok());
  REQUIRE(f.disk().operations() == before);
  f.Append({1, 2}, {1, 3}, 1);
  f.Reopen();
  REQUIRE(f.contents().commit == Zxid{1, 1});
}

TEST_CASE("Confirm writes one small batch, and nothing where nothing is new") {
  Fixture f;
  f.Append({}, {1, 1}, 2);
  f.log().Hint({1, 1});
  const uint64_t before = f.disk().operations();
  REQUIRE(f.log().Confirm().ok());
  REQUIRE(f.disk().operations() == before + 2);  // a write and a sync
  REQUIRE(f.log().Confirm().ok());
  f.log().Hint({1, 2});
  REQUIRE(f.log().Confirm().ok());
  REQUIRE(f.disk().operations() == before + 2);
  f.log().Append(Entries({1, 2}, {1, 3}, 1));
  REQUIRE(f.log().Confirm().ok());  // what waits is written first, and vouched for
  REQUIRE(f.disk().operations() == before + 6);
  f.Reopen();
  REQUIRE(f.contents().epochs.last() == Zxid{1, 3});
  REQUIRE(f.contents().commit == Zxid{1, 2});
}

TEST_CASE("entries that were cut off never come back") {
  Fixture f;
  f.Append({}, {1, 1}, 5);
  f.log().Truncate({1, 3});
  f.log().Append(Entries({1, 3}, {2, 1}, 2));
  REQUIRE(f.log().Sync().ok());
  REQUIRE(f.ReadAll({}) == "1:1 1:2 1:3 2:1 2:2");
  REQUIRE(f.ReadAll({1, 3}) == "2:1 2:2");
  REQUIRE(f.ReadAll({1, 4}).find("OUT_OF_RANGE") == 0);
  f.Reopen();
  REQUIRE((f.contents().epochs == Epochs({}, {{1, 3}, {2, 2}})));
  REQUIRE(Print(f.contents().window) == "1:1 1:2 1:3 2:1 2:2");
  REQUIRE(f.ReadAll({}) == "1:1 1:2 1:3 2:1 2:2");
}

TEST_CASE("entries can be added, cut off and added again within one batch") {
  Fixture f;
  f.log().Append(Entries({}, {1, 1}, 3));
  f.log().Truncate({1, 1});
  f.log().Append(Entries({1, 1}, {2, 1}, 3));
  f.log().Truncate({2, 2});
  f.log().Append(Entries({2, 2}, {2, 3}, 1));
  REQUIRE(f.log().Sync().ok());
  REQUIRE(f.ReadAll({}) == "1:1 2:1 2:2 2:3");
  f.Reopen();
  REQUIRE(f.ReadAll({}) == "1:1 2:1 2:2 2:3");
  REQUIRE(f.ReadAll({2, 1}) == "2:2 2:3");
}

TEST_CASE("a cut down to the base leaves an empty history") {
  Fixture f;
  f.Append({}, {1, 1}, 3);
  f.log().Truncate({});
  f.log().Append(Entries({}, {2, 1}, 1));
  REQUIRE(f.log().Sync().ok());
  f.Reopen();
  REQUIRE((f.contents().epochs == Epochs({}, {{2, 1}})));
  REQUIRE(f.ReadAll({}) == "2:1");
}

TEST_CASE("a rebase leaves nothing of the history before it") {
  Fixture f;
  f.Append({}, {1, 1}, 3);
  f.log().Rebase({4, 20});
  f.log().Store(StateOf(4));
  f.log().Append(Entries({4, 20}, {4, 21}, 2));
  REQUIRE(f.log().Sync().ok());
  REQUIRE(f.ReadAll({4, 20}) == "4:21 4:22");
  REQUIRE(f.ReadAll({}).find("OUT_OF_RANGE") == 0);
  REQUIRE(f.ReadAll({1, 3}).find("OUT_OF_RANGE") == 0);
  f.Reopen();
  REQUIRE(f.contents().base.zxid == Zxid{4, 20});
  REQUIRE(f.contents().epochs.begin() == Zxid{4, 20});
  REQUIRE(f.contents().commit == Zxid{4, 20});
  REQUIRE(f.contents().state == StateOf(4));
  REQUIRE((f.contents().epochs == Epochs({4, 20}, {{4, 22}})));
  REQUIRE(Print(f.contents().window) == "4:21 4:22");
}

TEST_CASE("the log rolls over from segment to segment") {
  Fixture f;
  f.log().Store(StateOf(1));
  for (uint32_t i = 1; i <= 40; ++i) f.Append({1, i - 1}, {1, i}, 1);
  f.log().Hint({1, 30});
  f.log().Store(StateOf(2));
  REQUIRE(f.log().Sync().ok());
  REQUIRE(f.disk().List(kDir)->size() > 5);
  const std::string before = f.ReadAll({});
  f.Reopen();
  REQUIRE(f.contents().state == StateOf(2));
  REQUIRE(f.contents().commit == Zxid{1, 30});
  REQUIRE(f.contents().epochs.last() == Zxid{1, 40});
  REQUIRE(f.contents().window.size() == 40);
  REQUIRE(f.ReadAll({}) == before);
}

// Larger than what a batch copies: the new segment begins with all of it.
TEST_CASE("the log rolls over with a large hard state") {
  Fixture f;
  HardState state = StateOf(1);
  for (uint64_t id = 1; id <= 60; ++id) {
    state.config.members.push_back({.id = ServerId{id}, .address = std::string(90, 'a')});
  }
  f.log().Store(state);
  REQUIRE(f.log().Sync().ok());
  for (uint32_t i = 0; i < 40; ++i) f.Append({1, i}, {1, i + 1}, 1);
  f.Reopen();
  REQUIRE(f.contents().epochs.last() == Zxid{1, 40});
  REQUIRE(f.contents().state == state);
}

TEST_CASE("a txn larger than a segment and a batch gets both to itself") {
  Fixture f({.segment_bytes = 4096, .batch_bytes_max = 1000});
  f.log().Append(Entries({}, {1, 1}, 2));
  f.log().Append(Entries({1, 2}, {1, 3}, 1, 20'000));
  f.log().Append(Entries({1, 3}, {1, 4}, 30, 100));
  REQUIRE(f.log().Sync().ok());
  f.Reopen();
  REQUIRE(f.contents().epochs.last() == Zxid{1, 33});
  REQUIRE(f.contents().window[2].command.size() == 20'003);
  REQUIRE(f.log().Read({1, 1}, 1)->size() == 1);
  REQUIRE(f.log().Read({}, 1 << 20)->size() == 33);
}

TEST_CASE("the window holds the newest entries within its bounds") {
  Fixture by_count({.segment_bytes = 4096, .window_txns_max = 3});
  by_count.Append({}, {1, 1}, 10);
  by_count.Reopen();
  REQUIRE(Print(by_count.contents().window) == "1:8 1:9 1:10");
  const size_t entry = Entries({1, 5}, {1, 6}, 1)[0].encoded.size();
  Fixture by_bytes({.segment_bytes = 4096, .window_bytes_max = 2 * entry});
  by_bytes.Append({}, {1, 1}, 9);
  by_bytes.Reopen();
  REQUIRE(Print(by_bytes.contents().window) == "1:8 1:9");
}

TEST_CASE("a read yields pages that join") {
  Fixture f;
  for (uint32_t i = 0; i < 30; ++i) f.Append({1, 3 * i}, {1, 3 * i + 1}, 3, 50);
  Zxid after = {};
  uint32_t pages = 0;
  for (;; ++pages) {
    const absl::StatusOr<std::vector<Txn>> page = f.log().Read(after, 400);
    REQUIRE(page.ok());
    if (page->empty()) break;
    size_t bytes = 0;
    for (const Txn& txn : *page) {
      REQUIRE(txn.prev == after);
      after = txn.zxid;
      bytes += txn.encoded.size();
    }
    REQUIRE((bytes <= 400 || page->size() == 1));
  }
  REQUIRE(after == Zxid{1, 90});
  REQUIRE(pages < 30);
}

TEST_CASE("a read from what is not in the history is out of range") {
  Fixture f;
  f.Append({}, {1, 1}, 3);
  f.Append({1, 3}, {4, 1}, 3);
  for (Zxid zxid : {Zxid{1, 4}, Zxid{2, 0}, Zxid{4, 0}, Zxid{4, 4}, Zxid{9, 1}}) {
    INFO(ToString(zxid));
    REQUIRE(absl::IsOutOfRange(f.log().Read(zxid, 1000).status()));
  }
}

TEST_CASE("purging drops whole segments and says where the log begins") {
  Fixture f;
  f.log().Store(StateOf(1));
  for (uint32_t i = 1; i <= 40; ++i) f.Append({1, i - 1}, {1, i}, 1);
  const size_t segments = f.disk().List(kDir)->size();
  REQUIRE(*PurgeAll(&f.log(), {}) == Zxid{});
  REQUIRE(f.disk().List(kDir)->size() == segments);

  const Zxid begin = *PurgeAll(&f.log(), {1, 25});
  REQUIRE(begin > Zxid{1, 10});
  REQUIRE(begin <= Zxid{1, 25});
  REQUIRE(absl::IsOutOfRange(f.log().Read({1, 1}, 1000).status()));
  REQUIRE(f.log().Read(begin, 1 << 20)->size() == 40 - begin.counter);

  const std::string before = f.ReadAll(begin);
  f.Reopen();
  REQUIRE(f.contents().epochs.begin() == begin);
  REQUIRE(f.contents().state == StateOf(1));
  REQUIRE(f.ReadAll(begin) == before);
}

TEST_CASE("purging never drops the segment being written") {
  Fixture f;
  for (uint32_t i = 1; i <= 20; ++i) f.Append({1, i - 1}, {1, i}, 1);
  REQUIRE(PurgeAll(&f.log(), {9, 9}).ok());
  REQUIRE(f.disk().List(kDir)->size() == 1);
  f.Append({1, 20}, {1, 21}, 1);
  f.Reopen();
  REQUIRE(f.contents().epochs.last() == Zxid{1, 21});
  REQUIRE(f.contents().last_leader_time == 1021);
}

TEST_CASE("a cut to before the first segment left is replayed") {
  Fixture f;
  f.Append({}, {1, 1}, 2);
  f.Append({1, 2}, {1, 3}, 3, 2000);  // fills the first segment
  f.log().Truncate({1, 2});
  f.log().Append(Entries({1, 2}, {2, 1}, 1, 10));
  REQUIRE(f.log().Sync().ok());
  for (uint32_t i = 2; i <= 12; ++i) f.Append({2, i - 1}, {2, i}, 1);
  REQUIRE(PurgeAll(&f.log(), {2, 1}).ok());
  const std::string before = f.ReadAll({2, 1});
  REQUIRE(before.find("2:2 2:3") == 0);
  f.Reopen();
  REQUIRE(f.contents().epochs.last() == Zxid{2, 12});
  REQUIRE(f.ReadAll({2, 1}) == before);
}

}  // namespace
}  // namespace zkq::storage
