#include "lib/runtime/snapshotter.h"

#include "test/runtime/part.h"

namespace zkq::runtime {
namespace {

struct SnapshotterStage final : Stage, Snapshotter::Ears {
  SnapshotterStage() {
    snapshots = *storage::Snapshots::Open(disk, "dir");
    snapshotter.emplace(Snapshotter::Ports{.strand = &strand,
                                           .snapshots = snapshots.get(),
                                           .clock = &clock,
                                           .voice = &voice,
                                           .ears = this,
                                           .stopping = &stopping},
                        /*retain=*/2);
  }

  void OnSnapshotDone(Zxid applied, absl::Status written) override {
    Say(ToString(applied) + (written.ok() ? " done" : " " + written.ToString()));
  }
  void OnOldestKept(Zxid oldest) override { Say("oldest " + ToString(oldest)); }

  void Take(Zxid applied) {
    snapshotter->Take({applied}, [](SnapshotWriter& out) { return out.WriteRecord("state"); });
  }

  std::unique_ptr<storage::Snapshots> snapshots;
  std::optional<Snapshotter> snapshotter;
};

TEST_CASE("snapshotter: a snapshot is durable when it is told, and then older ones are removed") {
  SnapshotterStage stage;
  stage.Take({1, 1});
  REQUIRE(stage.said.empty());
  REQUIRE(stage.Run() == "1:1 done, oldest 1:1");
  stage.Take({1, 2});
  REQUIRE(stage.Run() == "1:2 done, oldest 1:1");
  stage.Take({1, 3});
  REQUIRE(stage.Run() == "1:3 done, oldest 1:2");
  REQUIRE(*stage.snapshots->List() == std::vector{Zxid{1, 2}, Zxid{1, 3}});
  const auto later = *storage::Snapshots::Open(stage.disk->AfterCrash(), "dir");
  REQUIRE(later->Verify({1, 3}).ok());
}

TEST_CASE("snapshotter: a job that fails, or a disk that does, leaves all as it was") {
  SnapshotterStage stage;
  stage.Take({1, 1});
  stage.Run();
  SECTION("the job") {
    stage.snapshotter->Take({{1, 2}}, [](SnapshotWriter&) { return absl::AbortedError("no"); });
    REQUIRE(stage.Run() == "1:2 ABORTED: no");
  }
  SECTION("the disk") {
    stage.Fail(Stage::Disk::Step::kSync);
    stage.Take({1, 2});
    const std::string said = stage.Run();
    REQUIRE(said.find("1:2 ") == 0);
    REQUIRE(said.find("done") == std::string::npos);
    REQUIRE(said.find("oldest") == std::string::npos);
  }
  REQUIRE(*stage.snapshots->List() == std::vector{Zxid{1, 1}});
}

TEST_CASE("snapshotter: a snapshot that cannot be removed stays, and the log back to it") {
  SnapshotterStage stage;
  for (uint32_t i = 1; i <= 2; ++i) {
    stage.Take({1, i});
    stage.Run();
  }
  stage.Fail(Stage::Disk::Step::kRemove);
  stage.Take({1, 3});
  REQUIRE(stage.Run() == "1:3 done");
}

TEST_CASE("snapshotter: a job ends early when the replica does, and none begins after") {
  SnapshotterStage stage;
  int records = 0;
  stage.snapshotter->Take({{1, 1}}, [&](SnapshotWriter& out) {
    for (;;) {
      if (absl::Status s = out.WriteRecord("state"); !s.ok()) return s;
      stage.stopping = ++records == 3;
    }
  });
  const std::string said = stage.Run();
  REQUIRE(said.find("1:1 CANCELLED") == 0);
  REQUIRE(records == 3);
  stage.Take({1, 2});
  REQUIRE(stage.Run() == "");
}

TEST_CASE("snapshotter: a job that ignores that a record was refused makes no snapshot") {
  SnapshotterStage stage;
  stage.snapshotter->Take({{1, 1}}, [&](SnapshotWriter& out) {
    out.WriteRecord("a").IgnoreError();
    stage.stopping = true;
    out.WriteRecord("b").IgnoreError();
    return absl::OkStatus();
  });
  const std::string said = stage.Run();
  REQUIRE(said.find("1:1 CANCELLED") == 0);
  REQUIRE(said.find("oldest") == std::string::npos);
  REQUIRE(stage.snapshots->List()->empty());
}

}  // namespace
}  // namespace zkq::runtime
