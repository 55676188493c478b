#include "lib/runtime/applier.h"

#include <functional>

#include "test/runtime/part.h"

namespace zkq::runtime {
namespace {

constexpr ServerId kSelf{1};
constexpr uint64_t kBoot = 7;

// Says what is asked of it, and does what the test wants.
struct Machine final : StateMachine {
  explicit Machine(Stage* given) : stage(*given) {}
  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    stage.scheduler.Charge(apply_takes);
    if (txn.zxid == poison) return absl::AbortedError("poisoned");
    applied = txn.zxid;
    if (on_apply) on_apply();
    return std::string(txn.command);
  }
  absl::StatusOr<std::string> Query(std::string_view request) override {
    if (request == "bad") return absl::NotFoundError("no such thing");
    return std::string(request) + " at " + ToString(applied);
  }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    if (!snapshots_work) return absl::UnavailableError("not now");
    return [record = std::string("state")](SnapshotWriter& out) { return out.WriteRecord(record); };
  }
  absl::Status Restore(SnapshotReader& in) override {
    std::string record;
    const absl::StatusOr<bool> more = in.ReadRecord(&record);
    if (!more.ok() || record == "poison") return absl::InternalError("cannot restore");
    stage.Say("restored " + record);
    return absl::OkStatus();
  }
  absl::StatusOr<Zxid> Open() override { return own; }

  Stage& stage;
  absl::Duration apply_takes = absl::ZeroDuration();
  Zxid poison = {}, applied = {}, own = {};
  bool snapshots_work = true;
  std::function<void()> on_apply;
};

struct ApplierStage final : Stage, Applier::Ears {
  explicit ApplierStage(size_t window_bytes = 1 << 20, uint64_t snapshot_every = 0,
                        bool with_machine = true)
      : calls(&callback, executor.get(), this, 1 << 20) {
    snapshots = *storage::Snapshots::Open(disk, "dir");
    applier.emplace(Applier::Ports{.strand = &strand,
                                   .clock = &clock,
                                   .machine = with_machine ? &machine : nullptr,
                                   .snapshots = snapshots.get(),
                                   .calls = &calls,
                                   .board = &board,
                                   .voice = &voice,
                                   .halter = this,
                                   .ears = this,
                                   .stopping = &stopping},
                    Applier::Options{.sid = kSelf,
                                     .boot = kBoot,
                                     .window_bytes = window_bytes,
                                     .snapshot_every = snapshot_every,
                                     .random = &random});
  }

  void OnApplied(Zxid through) override { Say("applied " + ToString(through)); }
  void OnRestored(Zxid snapshot) override { Say("event " + ToString(snapshot)); }
  void OnPageWanted(Zxid after, size_t) override { Say("page after " + ToString(after)); }
  void OnSnapshotBegun(SnapshotMeta meta, SnapshotJob) override {
    begun = std::move(meta);
    Say("snapshot " + ToString(begun.zxid));
  }

  // A call of our own; what it is told is said as "word: …".
  uint64_t Call(Calls::Kind kind, std::string word) {
    Caller caller{.done = [this, word](absl::StatusOr<Reply> reply) {
      Say(word + ": " + (reply.ok() ? reply->value : reply.status().ToString()));
    }};
    const uint64_t tag = calls.Add(kind, word, absl::InfiniteDuration(), &caller).tag;
    if (kind == Calls::Kind::kWrite) calls.Take(SIZE_MAX);
    return tag;
  }
  std::vector<Txn> Own(uint32_t counter, uint64_t tag) {
    return Txns(1, counter, 1, counter == 1 ? Zxid{} : Zxid{1, counter - 1}, {kSelf, kBoot, tag});
  }
  void WriteSnapshot(Zxid zxid, const std::string& record) {
    REQUIRE(
        snapshots->Take({zxid}, [&](SnapshotWriter& out) { return out.WriteRecord(record); }).ok());
  }

  Strand callback{executor};
  Calls calls;
  StatusBoard board{kSelf};
  Machine machine{this};
  std::unique_ptr<storage::Snapshots> snapshots;
  SnapshotMeta begun;
  std::optional<Applier> applier;
};

// --- applying ------------------------------------------------------------------------

TEST_CASE("applier: delivered transactions are applied in order, and own calls are answered") {
  ApplierStage stage;
  const uint64_t tag = stage.Call(Calls::Kind::kWrite, "mine");
  stage.applier->Deliver({1, 2}, Txns(1, 2));
  stage.applier->Deliver({1, 3}, stage.Own(3, tag));
  REQUIRE(stage.said.empty());
  REQUIRE(stage.Run() == "applied 1:3, mine: 1:3");
  REQUIRE(stage.board.Status(absl::ZeroDuration()).last_applied == Zxid{1, 3});
  // Somebody else's call of that tag, and one of an earlier life.
  stage.applier->Deliver({1, 4}, Txns(1, 4, 1, {1, 3}, {ServerId{2}, kBoot, tag}));
  stage.applier->Deliver({1, 5}, Txns(1, 5, 1, {1, 4}, {kSelf, kBoot - 1, tag}));
  REQUIRE(stage.Run() == "applied 1:5");
}

TEST_CASE("applier: transactions that are not in memory are read from the log, a page at a time") {
  ApplierStage stage;
  stage.applier->Deliver({1, 5}, Txns(4, 5));
  REQUIRE(stage.Run() == "page after 0:0");
  stage.applier->OnPage(Txns(1, 2));
  REQUIRE(stage.Run() == "applied 1:2, page after 1:2");
  stage.applier->OnPage(Txns(3, 4));
  REQUIRE(stage.Run() == "applied 1:4, applied 1:5");
}

TEST_CASE("applier: above the bound the oldest that wait are dropped and read again") {
  const size_t bytes = Txns(2, 2)[0].encoded.size();
  ApplierStage stage(3 * bytes);
  stage.applier->Deliver({1, 5}, Txns(1, 5));
  REQUIRE(stage.Run() == "page after 0:0");
  stage.applier->OnPage(Txns(1, 2));
  REQUIRE(stage.Run() == "applied 1:2, applied 1:5");
}

TEST_CASE("applier: a page is believed only as far as it was delivered when it was asked for") {
  ApplierStage stage;
  stage.applier->Deliver({1, 2}, {});
  REQUIRE(stage.Run() == "page after 0:0");
  // The log was read with 1:3 and 1:4 at its end, which are cut and replaced since.
  stage.applier->Deliver({2, 1}, Txns(2, 1, 1, {1, 2}));
  stage.applier->OnPage(Txns(1, 4));
  REQUIRE(stage.Run() == "applied 1:2, applied 2:1");
}

// As a stray write in this process would leave it.
std::vector<Txn> Changed(std::vector<Txn> txns, size_t which) {
  Txn& txn = txns[which];
  txn.command = Payload("not " + std::string(txn.command.view()));
  return txns;
}

TEST_CASE("applier: a command that has changed in memory is read again, and never applied") {
  ApplierStage stage;
  stage.applier->Deliver({1, 4}, Changed(Txns(1, 4), 1));
  REQUIRE(stage.Run() == "applied 1:1, page after 1:1");
  REQUIRE(stage.machine.applied == Zxid{1, 1});
  SECTION("the log has it right") {
    stage.applier->OnPage(Txns(2, 4));
    REQUIRE(stage.Run() == "applied 1:4");
  }
  SECTION("another one of the page has changed, too") {
    stage.applier->OnPage(Changed(Txns(2, 4), 1));
    REQUIRE(stage.Run() == "applied 1:2, page after 1:2");
    stage.applier->OnPage(Txns(3, 3));
    REQUIRE(stage.Run() == "applied 1:3, page after 1:3");
  }
  SECTION("it changes again") {
    stage.applier->OnPage(Changed(Txns(2, 4), 0));
    REQUIRE(stage.Run().find("DATA_LOSS: the command of 1:2 has changed in memory, twice") !=
            std::string::npos);
  }
  SECTION("the log is damaged there") {
    stage.applier->OnPage(absl::DataLossError("dir/log-1: damaged at byte 512"));
    REQUIRE(stage.Run().find("halt DATA_LOSS: dir/log-1: damaged") == 0);
  }
}

TEST_CASE("applier: a log that does not hold what was delivered halts the replica") {
  ApplierStage stage;
  stage.applier->Deliver({1, 2}, {});
  stage.Run();
  SECTION("a page that does not follow") {
    stage.applier->OnPage(Txns(2, 2));
    REQUIRE(stage.Run().find("halt DATA_LOSS: the log does not hold what follows 0:0") == 0);
  }
  SECTION("a page that cannot be read") {
    stage.applier->OnPage(absl::InternalError("cannot be read"));
    REQUIRE(stage.Run() == "halt INTERNAL: cannot be read");
  }
  stage.applier->Deliver({1, 2}, Txns(1, 2));
  REQUIRE(stage.Run() == "");
}

TEST_CASE("applier: a transaction that does not follow what is applied halts the replica") {
  ApplierStage stage;
  stage.applier->Deliver({1, 4}, {});
  REQUIRE(stage.Run() == "page after 0:0");
  std::vector<Txn> page = Txns(1, 4);
  page.erase(page.begin() + 2);
  stage.applier->OnPage(std::move(page));
  REQUIRE(stage.Run().find("halt INTERNAL: txn.prev == applied_ at ") == 0);
  REQUIRE(stage.machine.applied == Zxid{1, 2});
}

TEST_CASE("applier: a page or a new history that nobody has asked for halts the replica") {
  ApplierStage stage;
  SECTION("a page") {
    stage.applier->OnPage(Txns(1, 2));
    REQUIRE(stage.Run().find("halt INTERNAL: backlog_.page_asked() at ") == 0);
  }
  SECTION("a history") {
    stage.WriteSnapshot({2, 5}, "state");
    stage.applier->Install({2, 5});
    REQUIRE(stage.Run().find("halt INTERNAL: installs <= backlog_.expected_installs() at ") == 0);
  }
}

TEST_CASE("applier: an Apply that fails halts the replica, and no call follows it") {
  ApplierStage stage;
  stage.machine.poison = {1, 2};
  SECTION("at once") {}
  SECTION("in virtual time") { stage.machine.apply_takes = absl::Milliseconds(200); }
  stage.Call(Calls::Kind::kRead, "read");
  stage.applier->Answer({1}, {1, 3});
  stage.applier->Deliver({1, 3}, Txns(1, 3));
  REQUIRE(
      stage.Run() ==
      "halt INTERNAL: StateMachine::Apply of 1:2 failed: ABORTED: poisoned; a restart applies it "
      "again, so mend the cause first, applied 1:1");
  REQUIRE(stage.machine.applied == Zxid{1, 1});
  stage.applier->Deliver({1, 4}, Txns(4, 4));
  REQUIRE(stage.Run() == "");
}

TEST_CASE("applier: once the replica stops nothing more is applied") {
  ApplierStage stage;
  stage.machine.on_apply = [&] { stage.stopping = stage.machine.applied == Zxid{1, 2}; };
  stage.applier->Deliver({1, 3}, Txns(1, 3));
  REQUIRE(stage.Run() == "applied 1:2");
}

TEST_CASE("applier: results of quick calls are told together, those of slow ones each in time") {
  ApplierStage stage;
  for (uint32_t i = 1; i <= 3; ++i) {
    const uint64_t tag = stage.Call(Calls::Kind::kWrite, std::to_string(i));
    stage.applier->Deliver({1, i}, stage.Own(i, tag));
  }
  SECTION("quick") {
    REQUIRE(stage.Run(absl::ZeroDuration()) == "applied 1:3, 1: 1:1, 2: 1:2, 3: 1:3");
  }
  SECTION("slow") {
    stage.machine.apply_takes = absl::Seconds(1);
    stage.scheduler.RunFor(absl::Milliseconds(1500));
    REQUIRE(stage.calls.waiting() == 2);
    stage.scheduler.RunFor(absl::Seconds(1));
    REQUIRE(stage.calls.waiting() == 1);
  }
}

TEST_CASE("applier: one without a state machine keeps count") {
  ApplierStage stage(1 << 20, /*snapshot_every=*/1, /*with_machine=*/false);
  REQUIRE(*stage.applier->Recover({.base = {{1, 2}}, .epochs = Epochs({1, 2})}) == Zxid{1, 2});
  stage.applier->Deliver({1, 4}, Txns(3, 4));
  REQUIRE(stage.Run() == "applied 1:4");
  stage.applier->ExpectInstall();
  stage.applier->Install({3, 1});
  REQUIRE(stage.Run() == "applied 3:1, event 3:1");
}

// --- reads ---------------------------------------------------------------------------

TEST_CASE("applier: a read waits for its zxid, and not for what comes after it") {
  ApplierStage stage;
  const uint64_t now = stage.Call(Calls::Kind::kRead, "now");
  const uint64_t later = stage.Call(Calls::Kind::kIndexRead, "later");
  stage.applier->Answer({later}, {1, 2});
  stage.applier->Answer({now}, {});
  REQUIRE(stage.Run() == "now: now at 0:0");
  stage.applier->Deliver({1, 3}, Txns(1, 3));
  REQUIRE(stage.Run() == "applied 1:3, later: later at 1:2");
}

TEST_CASE("applier: a Query's own status is the caller's and halts nothing") {
  ApplierStage stage;
  stage.applier->Answer({stage.Call(Calls::Kind::kRead, "bad")}, {});
  REQUIRE(stage.Run() == "bad: NOT_FOUND: no such thing");
}

TEST_CASE("applier: a read whose call has ended is not asked") {
  ApplierStage stage;
  const uint64_t tag = stage.Call(Calls::Kind::kRead, "gone");
  stage.calls.Fail({tag}, [](Fate fate) { return TimedOut(fate, std::nullopt); });
  stage.applier->Answer({tag}, {});
  REQUIRE(stage.Run().find("gone at") == std::string::npos);
}

// --- snapshots -----------------------------------------------------------------------

TEST_CASE("applier: a snapshot is of what is applied, and answers the calls before it alone") {
  ApplierStage stage;
  stage.applier->TakeSnapshot(stage.Call(Calls::Kind::kSnapshot, "early"));
  REQUIRE(stage.Run().find("early: FAILED_PRECONDITION: nothing is applied yet") == 0);
  stage.applier->Deliver({1, 2}, Txns(1, 2));
  stage.applier->TakeSnapshot(stage.Call(Calls::Kind::kSnapshot, "first"));
  REQUIRE(stage.Run() == "applied 1:2, snapshot 1:2");
  stage.applier->Deliver({1, 3}, Txns(3, 3));
  stage.applier->TakeSnapshot(stage.Call(Calls::Kind::kSnapshot, "second"));
  REQUIRE(stage.Run() == "applied 1:3");  // one at a time
  stage.applier->OnSnapshotDone(Zxid{1, 2});
  REQUIRE(stage.Run() == "snapshot 1:3, first: ");
  stage.applier->OnSnapshotDone(absl::ResourceExhaustedError("disk full"));
  REQUIRE(stage.Run().find("second: RESOURCE_EXHAUSTED: disk full") == 0);
}

TEST_CASE("applier: a state that has a snapshot gets no other") {
  ApplierStage stage;
  stage.applier->Deliver({1, 1}, Txns(1, 1));
  stage.applier->TakeSnapshot(stage.Call(Calls::Kind::kSnapshot, "first"));
  stage.Run();
  stage.applier->OnSnapshotDone(Zxid{1, 1});
  stage.applier->TakeSnapshot(stage.Call(Calls::Kind::kSnapshot, "again"));
  REQUIRE(stage.Run() == "first: , again: ");
}

TEST_CASE("applier: a snapshot has the time, the members and the ensemble of its state") {
  ApplierStage stage;
  const Membership config{{1, 1}, {{.id = kSelf, .address = "a:1"}}};
  const core::Peer::View view{.ensemble = {5, 6}};
  stage.board.SetView(view, absl::ZeroDuration(), absl::ZeroDuration());
  stage.board.SetMembership(config, false);
  const auto expected = [&](Zxid zxid, int64_t leader_time) {
    return SnapshotMeta{zxid, leader_time, config, view.ensemble};
  };
  SECTION("of what was applied") {
    stage.applier->Deliver({1, 2}, Txns(1, 2));
    stage.applier->TakeSnapshot(stage.Call(Calls::Kind::kSnapshot, "asked"));
    stage.Run();
    REQUIRE(stage.begun == expected({1, 2}, 1002));
  }
  SECTION("of what a machine with a disk of its own had at the start") {
    stage.machine.own = {1, 7};
    const Recovered found{.base = {.zxid = {1, 5}, .leader_time = 1005},
                          .epochs = Epochs({1, 5}, {{1, 7}}),
                          .last_leader_time = 1007};
    REQUIRE(*stage.applier->Recover(found) == Zxid{1, 7});
    stage.applier->TakeSnapshot(stage.Call(Calls::Kind::kSnapshot, "asked"));
    stage.Run();
    REQUIRE(stage.begun == expected({1, 7}, 1007));
  }
}

TEST_CASE("applier: snapshots come by themselves, between half of the interval and all of it") {
  ApplierStage stage(1 << 20, /*snapshot_every=*/10);
  int begun = 0;
  for (uint32_t i = 1; i <= 100; ++i) {
    stage.applier->Deliver({1, i}, Txns(i, i));
    if (stage.Run().find("snapshot") == std::string::npos) continue;
    ++begun;
    stage.applier->OnSnapshotDone(Zxid{1, i});
  }
  REQUIRE(begun >= 10);
  REQUIRE(begun <= 20);
}

TEST_CASE("applier: a Snapshot that fails skips one, and the next is tried") {
  ApplierStage stage;
  stage.machine.snapshots_work = false;
  stage.applier->Deliver({1, 1}, Txns(1, 1));
  stage.applier->TakeSnapshot(stage.Call(Calls::Kind::kSnapshot, "asked"));
  REQUIRE(stage.Run().find("applied 1:1, asked: UNAVAILABLE: not now") == 0);
  stage.machine.snapshots_work = true;
  stage.applier->TakeSnapshot(stage.Call(Calls::Kind::kSnapshot, "asked"));
  REQUIRE(stage.Run() == "snapshot 1:1");
}

// --- a history that is replaced ----------------------------------------------------------

TEST_CASE("applier: an installed snapshot is restored, and calls it passes over are unknown") {
  ApplierStage stage;
  stage.WriteSnapshot({2, 5}, "state");
  stage.Call(Calls::Kind::kWrite, "passed over");
  stage.applier->ExpectInstall();
  const uint64_t after = stage.Call(Calls::Kind::kWrite, "after");
  stage.applier->Install({2, 5});
  const std::string said = stage.Run();
  REQUIRE(said.find("restored state, applied 2:5, event 2:5, passed over: UNKNOWN: ") == 0);
  REQUIRE(stage.calls.Waits(after));
  stage.applier->Deliver({2, 6}, Txns(2, 6, 1, {2, 5}, {kSelf, kBoot, after}));
  REQUIRE(stage.Run() == "applied 2:6, after: 2:6");
}

TEST_CASE("applier: no page is asked for while a new history is on its way") {
  ApplierStage stage;
  stage.WriteSnapshot({2, 5}, "state");
  stage.applier->Deliver({1, 3}, {});
  REQUIRE(stage.Run() == "page after 0:0");
  SECTION("a page of the old history is dropped") {
    stage.applier->ExpectInstall();
    stage.applier->OnPage(absl::OutOfRangeError("the log no longer reaches back"));
    REQUIRE(stage.Run() == "");
    stage.applier->Install({2, 5});
  }
  SECTION("and one that comes after the new history is durable") {
    stage.applier->ExpectInstall();
    stage.applier->Install({2, 5});
    REQUIRE(stage.Run() == "restored state, applied 2:5, event 2:5");
    stage.applier->OnPage(Txns(1, 3));
    REQUIRE(stage.Run() == "");
    return;
  }
  REQUIRE(stage.Run() == "restored state, applied 2:5, event 2:5");
}

TEST_CASE("applier: of two histories that come together only the newer is restored") {
  ApplierStage stage;
  stage.WriteSnapshot({2, 5}, "older");
  stage.WriteSnapshot({3, 1}, "newer");
  for (const Zxid zxid : {Zxid{2, 5}, Zxid{3, 1}}) {
    stage.applier->ExpectInstall();
    stage.applier->Install(zxid);
  }
  REQUIRE(stage.Run() == "restored newer, applied 3:1, event 3:1");
  stage.applier->Deliver({3, 3}, {});
  REQUIRE(stage.Run() == "page after 3:1");
}

TEST_CASE("applier: a Restore that fails halts the replica") {
  ApplierStage stage;
  stage.WriteSnapshot({2, 5}, "poison");
  stage.applier->ExpectInstall();
  stage.applier->Install({2, 5});
  REQUIRE(stage.Run() == "halt INTERNAL: restoring the snapshot at 2:5: cannot restore");
}

// --- the start -------------------------------------------------------------------------

TEST_CASE("applier: a start restores the base, unless the machine has gone on from there") {
  ApplierStage stage;
  stage.WriteSnapshot({1, 5}, "base");
  const Recovered found{.base = {{1, 5}}, .epochs = Epochs({1, 3}, {{1, 9}})};
  SECTION("a machine without a disk") {
    REQUIRE(*stage.applier->Recover(found) == Zxid{1, 5});
    REQUIRE(stage.said == "restored base");
    stage.applier->Deliver({1, 6}, Txns(6, 6));
    REQUIRE(stage.Run() == "restored base, applied 1:6");
  }
  SECTION("one that has applied more") {
    stage.machine.own = {1, 7};
    REQUIRE(*stage.applier->Recover(found) == Zxid{1, 7});
    REQUIRE(stage.said == "");
  }
  SECTION("one that has applied less than the base, but is still in the log") {
    stage.machine.own = {1, 4};
    REQUIRE(*stage.applier->Recover(found) == Zxid{1, 4});
    // Nothing is applied before it is delivered; and a snapshot is there, a newer one.
    stage.applier->TakeSnapshot(stage.Call(Calls::Kind::kSnapshot, "asked"));
    REQUIRE(stage.Run() == "asked: ");
    stage.applier->Deliver({1, 5}, {});
    REQUIRE(stage.Run() == "page after 1:4");
  }
  SECTION("one that has applied what the log does not have") {
    stage.machine.own = {1, 10};
    REQUIRE(stage.applier->Recover(found).status().code() == absl::StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace zkq::runtime
