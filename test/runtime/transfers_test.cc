#include "lib/runtime/transfers.h"

#include "test/runtime/part.h"

namespace zkq::runtime {
namespace {

using Fetched = core::SnapshotFetched;

constexpr LinkId kLink{ServerId{2}, 1, 1};

// Remembers what is fetched; the test plays the peer.
struct FetchingTransport final : QuorumTransport {
  absl::Status Start(const Env&, const Identity&, Receiver*) override { return absl::OkStatus(); }
  void SetIdentity(const Identity&) override {}
  void SetMembers(absl::Span<const Member>) override {}
  void Send(std::span<const LinkId>, Message) override {}
  void Notify(ServerId, const Notification&) override {}
  void DropLink(const LinkId&) override {}
  void FetchSnapshot(const LinkId&, const SnapshotRequest& request, SnapshotSink sink) override {
    offsets.push_back(request.offset);
    sinks.push_back(std::move(sink));
  }
  void Shutdown() override {}

  std::vector<uint64_t> offsets;
  std::vector<SnapshotSink> sinks;
};

// What is said, with its level.
struct Heard final : LogSink {
  void Log(LogLevel level, ServerId, std::string_view line) override {
    lines.push_back((level == LogLevel::kWarning ? "warning: " : "") + std::string(line));
  }
  std::vector<std::string> lines;
};

struct TransfersStage final : Stage, Transfers::Ears {
  TransfersStage() {
    Recovered contents;
    log = *storage::Log::Open(disk, "dir", {}, &contents);
    log->Store(HardState{.sid = ServerId{1}});
    log->Append(Txns(1, 20));
    REQUIRE(log->Sync().ok());
    snapshots = *storage::Snapshots::Open(disk, "dir");
    transfers.emplace(Transfers::Ports{.strand = &strand,
                                       .log = log.get(),
                                       .snapshots = snapshots.get(),
                                       .transport = &transport,
                                       .clock = &clock,
                                       .voice = &speaking,
                                       .halter = this,
                                       .ears = this,
                                       .stopping = &stopping});
  }

  void OnLogRead(core::LogRead page) override { Say("learner gets " + Range(page.txns)); }
  void OnSnapshotFetched(Fetched fetched) override {
    const char* const states[] = {"goes on", "complete", "failed"};
    Say(ToString(fetched.snapshot) + " " + states[static_cast<int>(fetched.state)]);
  }
  void OnPage(absl::StatusOr<std::vector<Txn>> page) override {
    Say(page.ok() ? "page " + Range(*page) : page.status().ToString());
  }
  static std::string Range(const std::vector<Txn>& txns) {
    if (txns.empty()) return "nothing";
    return ToString(txns.front().zxid) + ".." + ToString(txns.back().zxid);
  }

  // The file of a snapshot, as a peer has it.
  std::string FileOf(Zxid zxid, size_t bytes) {
    auto elsewhere = std::make_shared<Disk>();
    elsewhere->CreateDirectory("dir").IgnoreError();
    auto theirs = *storage::Snapshots::Open(elsewhere, "dir");
    REQUIRE(
        theirs
            ->Take({zxid},
                   [&](SnapshotWriter& out) { return out.WriteRecord(std::string(bytes, 's')); })
            .ok());
    return *theirs->ReadBytes(zxid, 0, 16 << 20);
  }
  void Fetch(Zxid zxid) { transfers->Fetch({.link = kLink, .snapshot = zxid}); }
  // Whether more is wanted.
  bool Give(size_t fetch, uint64_t offset, std::string bytes, bool last) {
    return transport.sinks.at(fetch)(
        SnapshotChunk{.offset = offset, .bytes = std::move(bytes), .last = last}, nullptr);
  }

  const std::shared_ptr<Heard> heard = std::make_shared<Heard>();
  Voice speaking{heard, ServerId{1}, &clock};
  std::unique_ptr<storage::Log> log;
  std::unique_ptr<storage::Snapshots> snapshots;
  FetchingTransport transport;
  std::optional<Transfers> transfers;
};

TEST_CASE("transfers: pages of the log are read for learners and for the apply strand") {
  TransfersStage stage;
  stage.transfers->ReadLog({.learner = kLink, .session = {}, .after = {1, 3}, .bytes_max = 1});
  stage.transfers->ReadPage({1, 18}, 1 << 20);
  REQUIRE(stage.said.empty());
  REQUIRE(stage.Run() == "learner gets 1:4..1:4, page 1:19..1:20");
}

TEST_CASE("transfers: a page that the log does not have is an empty one, or an error") {
  TransfersStage stage;
  stage.transfers->ReadLog({.learner = kLink, .session = {}, .after = {7, 7}, .bytes_max = 1});
  stage.transfers->ReadPage({7, 7}, 1);
  const std::string said = stage.Run();
  REQUIRE(said.find("learner gets nothing, OUT_OF_RANGE") == 0);
}

TEST_CASE("transfers: a log that cannot be read for a learner is said, once a minute") {
  TransfersStage stage;
  stage.disk->ObserveReads([](const std::string&) { return TransfersStage::Disk::Verdict::kFail; });
  for (int second = 0; second < 90; ++second) {
    stage.transfers->ReadLog({.learner = kLink, .session = {}, .after = {1, 3}, .bytes_max = 1});
    REQUIRE(stage.Run() == "learner gets nothing");
  }
  REQUIRE(stage.heard->lines.size() == 2);
  const std::string& line = stage.heard->lines[0];
  REQUIRE(line.starts_with("warning: log-unread: after 1:3, for server 2: "));
}

TEST_CASE("transfers: a peer is served pieces of a snapshot file, and told when there is none") {
  TransfersStage stage;
  REQUIRE(
      stage.snapshots
          ->Take({{1, 5}},
                 [](SnapshotWriter& out) { return out.WriteRecord(std::string(100 << 10, 's')); })
          .ok());
  const auto serve = [&](Zxid zxid, uint64_t offset) {
    absl::StatusOr<SnapshotChunk> served;
    stage.transfers->Serve({.snapshot = zxid, .offset = offset},
                           [&](absl::StatusOr<SnapshotChunk> chunk) { served = std::move(chunk); });
    stage.Run();
    return served;
  };
  const auto first = serve({1, 5}, 0);
  REQUIRE(first->bytes.size() == 64 << 10);
  REQUIRE(!first->last);
  const auto second = serve({1, 5}, first->bytes.size());
  REQUIRE(second->offset == 64 << 10);
  REQUIRE(second->last);
  REQUIRE(serve({1, 6}, 0).status().code() == absl::StatusCode::kNotFound);
  stage.stopping = true;
  REQUIRE(serve({1, 5}, 0).status().code() == absl::StatusCode::kCancelled);
}

TEST_CASE("transfers: a snapshot is fetched piece by piece, and its progress told") {
  TransfersStage stage;
  const std::string file = stage.FileOf({2, 5}, 1000);
  stage.Fetch({2, 5});
  REQUIRE(stage.Run() == "");
  REQUIRE(stage.transport.offsets == std::vector<uint64_t>{0});
  stage.Give(0, 0, file.substr(0, 400), false);
  REQUIRE(stage.Run() == "2:5 goes on");
  stage.Give(0, 400, file.substr(400), true);
  REQUIRE(stage.Run() == "2:5 goes on, 2:5 complete");
  REQUIRE(stage.snapshots->Verify({2, 5}).ok());
  // Asked for again it is here already.
  stage.Fetch({2, 5});
  REQUIRE(stage.Run() == "2:5 complete");
  REQUIRE(stage.transport.offsets.size() == 1);
}

TEST_CASE(
    "transfers: a snapshot of another ensemble is fetched, though there is a file of its zxid") {
  TransfersStage stage;
  const auto nothing = [](SnapshotWriter&) { return absl::OkStatus(); };
  REQUIRE(stage.snapshots->Take({.zxid = {2, 5}, .ensemble = {9, 9}}, nothing).ok());
  const std::string file = stage.FileOf({2, 5}, 1000);
  stage.Fetch({2, 5});
  REQUIRE(stage.Run() == "");
  stage.Give(0, 0, file, true);
  REQUIRE(stage.Run() == "2:5 goes on, 2:5 complete");
  REQUIRE(stage.snapshots->Verify({2, 5})->ensemble == EnsembleId{});
}

TEST_CASE("transfers: a fetch that breaks off goes on from where it ended") {
  TransfersStage stage;
  const std::string file = stage.FileOf({2, 5}, 1000);
  stage.Fetch({2, 5});
  stage.Run();
  stage.Give(0, 0, file.substr(0, 400), false);
  stage.transport.sinks[0](absl::UnavailableError("the link is down"), nullptr);
  REQUIRE(stage.Run() == "2:5 goes on, 2:5 failed");
  stage.Fetch({2, 5});
  stage.Run();
  REQUIRE(stage.transport.offsets == std::vector<uint64_t>{0, 400});
  stage.Give(1, 400, file.substr(400), true);
  REQUIRE(stage.Run() == "2:5 goes on, 2:5 complete");
}

// Longer than init_limit without a word the session that waits for it would end.
TEST_CASE("transfers: the verification of a large snapshot is told as progress") {
  TransfersStage stage;
  stage.Fetch({2, 5});
  stage.Run();
  stage.Give(0, 0, stage.FileOf({2, 5}, 9 << 20), true);
  REQUIRE(stage.Run() == "2:5 goes on, 2:5 goes on, 2:5 complete");
  stage.Fetch({2, 5});
  REQUIRE(stage.Run() == "2:5 goes on, 2:5 complete");
}

TEST_CASE("transfers: a piece for a fetch that was replaced is dropped") {
  TransfersStage stage;
  const std::string file = stage.FileOf({2, 5}, 1000);
  stage.Fetch({2, 5});
  stage.Run();
  stage.Fetch({3, 1});
  stage.Run();
  stage.Give(0, 0, file, true);
  REQUIRE(stage.Run() == "");
  REQUIRE(!stage.snapshots->Verify({2, 5}).ok());
}

TEST_CASE("transfers: a fetch fails when a piece is missing, damaged, or cannot be written") {
  TransfersStage stage;
  std::string file = stage.FileOf({2, 5}, 1000);
  stage.Fetch({2, 5});
  stage.Run();
  SECTION("missing") { stage.Give(0, 1, file, true); }
  SECTION("damaged") {
    file[500] ^= 1;
    stage.Give(0, 0, file, true);
  }
  SECTION("not written") {
    stage.Fail(Stage::Disk::Step::kWrite);
    stage.Give(0, 0, file, true);
  }
  const std::string said = stage.Run();
  REQUIRE(said.find("2:5 failed") != std::string::npos);
  REQUIRE(said.find("halt") == std::string::npos);
  REQUIRE(!stage.snapshots->Verify({2, 5}).ok());
}

TEST_CASE("transfers: of a fetch that is over no more is wanted") {
  TransfersStage stage;
  stage.Fetch({2, 5});
  stage.Run();
  REQUIRE(stage.Give(0, 0, "a piece", false));
  SECTION("it failed") {
    stage.Fail(Stage::Disk::Step::kWrite);
    stage.Run();
    REQUIRE(!stage.Give(0, 7, "another", false));
    // Another attempt, which the disk does not stop.
    stage.Fetch({2, 5});
    stage.Run();
    REQUIRE(!stage.Give(0, 7, "another", false));
    REQUIRE(stage.Give(1, 0, "a piece", false));
  }
  SECTION("it was replaced") {
    stage.Fetch({3, 1});
    stage.Run();
    REQUIRE(!stage.Give(0, 7, "another", false));
    REQUIRE(stage.Give(1, 0, "a piece", false));
  }
  SECTION("the replica stops") {
    stage.stopping = true;
    REQUIRE(!stage.Give(0, 7, "another", false));
  }
}

TEST_CASE("transfers: once the replica stops nothing is read or written") {
  TransfersStage stage;
  const std::string file = stage.FileOf({2, 5}, 1000);
  stage.Fetch({2, 5});
  stage.Run();
  stage.stopping = true;
  stage.Give(0, 0, file, true);
  stage.transfers->ReadPage({}, 1);
  REQUIRE(stage.Run() == "");
}

}  // namespace
}  // namespace zkq::runtime
