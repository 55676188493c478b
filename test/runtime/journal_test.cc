#include "lib/runtime/journal.h"

#include "test/runtime/part.h"

namespace zkq::runtime {
namespace {

constexpr absl::Duration kQuiet = absl::Milliseconds(100);

// A journal over a real log on a disk in memory.
struct JournalStage final : Stage, Journal::Ears {
  JournalStage() {
    Recovered contents;
    log = *storage::Log::Open(disk, "dir", {.segment_bytes = 4096}, &contents);
    journal.emplace(Journal::Ports{.strand = &strand,
                                   .log = log.get(),
                                   .clock = &clock,
                                   .voice = &voice,
                                   .halter = this,
                                   .ears = this},
                    kQuiet);
    Add({core::StoreState{++last, HardState{.sid = ServerId{1}}}});
    Run();
  }

  void OnInstalled(Zxid snapshot) override { Say("installed " + ToString(snapshot)); }
  void OnSynced(core::WriteId through) override {
    Say("synced " + std::to_string(through));
    synced_at = scheduler.now();
  }
  void OnSyncTook(absl::Duration latency) override { took = latency; }
  void OnPurged(Zxid begin) override { Say("purged " + ToString(begin)); }

  void Add(std::vector<Journal::Write> writes, Zxid committed = {}) {
    journal->Add(std::move(writes), committed, clock.Monotonic());
  }
  core::Append Append(std::vector<Txn> txns) { return {++last, std::move(txns)}; }
  // What a start would find.
  Recovered Reopened() {
    Recovered contents;
    const auto reopened = storage::Log::Open(disk->AfterCrash(), "dir", {}, &contents);
    REQUIRE(reopened.ok());
    return contents;
  }
  std::unique_ptr<storage::Log> log;
  std::optional<Journal> journal;
  core::WriteId last = 0;
  absl::Duration took = absl::ZeroDuration(), synced_at = absl::ZeroDuration();
};

TEST_CASE("journal: writes that come together are made durable by one sync, and said once") {
  JournalStage stage;
  int syncs = 0;
  stage.disk->Observe([&](const Stage::Disk::Operation& operation) {
    syncs += operation.step == Stage::Disk::Step::kSync;
    return Stage::Disk::Verdict::kProceed;
  });
  stage.Add({stage.Append(Txns(1, 2))});
  stage.Add({stage.Append(Txns(3, 3)), core::Truncate{++stage.last, {1, 2}}});
  stage.Add({stage.Append(Txns(3, 4))});
  REQUIRE(stage.said.empty());
  REQUIRE(stage.Run(absl::Milliseconds(1)) == "synced 5");
  REQUIRE(syncs == 1);
  REQUIRE(stage.Reopened().epochs.last() == Zxid{1, 4});
}

TEST_CASE("journal: a write that comes during a sync waits for it, and for the next") {
  JournalStage stage;
  stage.disk->Observe([&](const Stage::Disk::Operation& operation) {
    if (operation.step == Stage::Disk::Step::kSync) stage.scheduler.Charge(absl::Seconds(2));
    return Stage::Disk::Verdict::kProceed;
  });
  const absl::Duration begin = stage.scheduler.now();
  stage.Add({stage.Append(Txns(1, 1))});
  REQUIRE(stage.Run(absl::Seconds(1)) == "synced 2");
  REQUIRE(stage.took == absl::Seconds(2));
  REQUIRE(stage.synced_at - begin == absl::Seconds(2));
  stage.Add({stage.Append(Txns(2, 2))});
  stage.Add({stage.Append(Txns(3, 3))});
  REQUIRE(stage.Run(absl::Seconds(2)) == "synced 4");
  REQUIRE(stage.synced_at - begin == absl::Seconds(4));
}

TEST_CASE("journal: a new history is told before it is said to be durable") {
  JournalStage stage;
  stage.Add({stage.Append(Txns(1, 1)), core::InstallSnapshot{++stage.last, {4, 9}},
             stage.Append(Txns(4, 10, 1, {4, 9}))});
  REQUIRE(stage.Run(absl::Milliseconds(1)) == "installed 4:9, synced 4");
  REQUIRE(stage.Reopened().base.zxid == Zxid{4, 9});
  REQUIRE(stage.Reopened().epochs.last() == Zxid{4, 10});
}

TEST_CASE("journal: a sync that fails halts the replica, and nothing is written any more") {
  JournalStage stage;
  stage.Fail(Stage::Disk::Step::kSync);
  stage.Add({stage.Append(Txns(1, 1))});
  const std::string said = stage.Run();
  REQUIRE(said.find("halt ") == 0);
  REQUIRE(said.find("synced") == std::string::npos);
  stage.disk->Observe(nullptr);
  const uint64_t operations = stage.disk->operations();
  stage.Add({stage.Append(Txns(2, 2))});
  stage.journal->Confirm();
  stage.journal->Purge({1, 1});
  REQUIRE(stage.Run() == "");
  REQUIRE(stage.disk->operations() == operations);
}

TEST_CASE("journal: a write whose number is out of turn halts the replica before it is written") {
  JournalStage stage;
  const uint64_t operations = stage.disk->operations();
  stage.Add({core::Append{stage.last + 2, Txns(1, 1)}});
  REQUIRE(stage.Run().find("halt INTERNAL: NumberOf(write) == last_ + 1") == 0);
  REQUIRE(stage.disk->operations() == operations);
}

TEST_CASE("journal: a quiet log is made to vouch for its last batch, once") {
  JournalStage stage;
  stage.Add({stage.Append(Txns(1, 1))});
  stage.Run(absl::ZeroDuration());
  const absl::Duration due = stage.journal->NextConfirm();
  REQUIRE(due == stage.clock.Monotonic() + kQuiet);
  uint64_t operations = stage.disk->operations();
  stage.Add({});
  stage.Run(kQuiet);
  REQUIRE(stage.disk->operations() == operations);  // not yet
  stage.Add({});
  REQUIRE(stage.Run() == "");
  REQUIRE(stage.disk->operations() > operations);
  REQUIRE(stage.journal->NextConfirm() == absl::InfiniteDuration());
  operations = stage.disk->operations();
  stage.Add({});
  stage.Run();
  REQUIRE(stage.disk->operations() == operations);
}

TEST_CASE("journal: a commit is written down with the next batch") {
  JournalStage stage;
  stage.Add({stage.Append(Txns(1, 3))});
  stage.Run(absl::ZeroDuration());
  stage.Add({}, {1, 2});
  REQUIRE(stage.Run(absl::ZeroDuration()) == "");
  REQUIRE(stage.Reopened().commit == Zxid{});
  stage.Add({stage.Append(Txns(4, 4))}, {1, 3});
  stage.Run();
  REQUIRE(stage.Reopened().commit == Zxid{1, 3});
}

TEST_CASE("journal: a purge says where the log begins, and one that fails is only logged") {
  JournalStage stage;
  for (uint32_t i = 1; i <= 200; ++i) {
    stage.Add({stage.Append(Txns(i, i))});
    stage.Run(absl::ZeroDuration());
  }
  stage.journal->Purge({1, 150});
  const std::string said = stage.Run();
  REQUIRE(said.find("purged 1:") == 0);
  stage.Fail(Stage::Disk::Step::kRemove);
  stage.journal->Purge({1, 190});
  const std::string failed = stage.Run();
  REQUIRE(failed.find("halt") == std::string::npos);
  // Nothing is read any more of a file that could not be removed: who lacks it needs a snapshot.
  REQUIRE(failed.find("purged 1:") != std::string::npos);
  REQUIRE(failed.substr(failed.rfind("purged")) != said.substr(said.rfind("purged")));
}

// On a slow disk the removal of all takes longer than anybody waits for a write.
TEST_CASE("journal: what comes during a purge is written before the next segment is removed") {
  JournalStage stage;
  for (uint32_t i = 1; i <= 200; ++i) {
    stage.Add({stage.Append(Txns(i, i))});
    stage.Run(absl::ZeroDuration());
  }
  bool added = false;
  stage.disk->Observe([&](const Stage::Disk::Operation& operation) {
    if (operation.step == Stage::Disk::Step::kRemove && !std::exchange(added, true)) {
      stage.Add({stage.Append(Txns(201, 201))});
    }
    return Stage::Disk::Verdict::kProceed;
  });
  stage.journal->Purge({1, 150});
  const std::string said = stage.Run();
  REQUIRE(said.find("synced ") < said.rfind("purged "));
  REQUIRE(said.find("purged ") < said.find("synced "));
}

// The log writes nothing more: that is told now, and not at the next write.
TEST_CASE("journal: a purge that cannot be made durable halts the replica at once") {
  JournalStage stage;
  for (uint32_t i = 1; i <= 200; ++i) {
    stage.Add({stage.Append(Txns(i, i))});
    stage.Run(absl::ZeroDuration());
  }
  stage.Fail(Stage::Disk::Step::kSyncDirectory);
  stage.journal->Purge({1, 150});
  REQUIRE(stage.Run().find("halt ") == 0);
}

}  // namespace
}  // namespace zkq::runtime
