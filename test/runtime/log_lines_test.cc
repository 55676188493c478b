// What an operator reads of an ensemble's life, in virtual time.
#include <algorithm>
#include <string>
#include <vector>

#include "lib/runtime/progress.h"
#include "test/harness/catch.h"
#include "test/runtime/cluster.h"

namespace zkq::runtime {
namespace {

using Texts = std::vector<std::string>;

std::string First(Cluster& cluster, int id, Line line) {
  const Texts texts = cluster.Said(id, line);
  return texts.empty() ? "" : texts.front();
}
std::string Last(Cluster& cluster, int id, Line line) {
  const Texts texts = cluster.Said(id, line);
  return texts.empty() ? "" : texts.back();
}

TEST_CASE("a new ensemble tells how it was founded, who was elected, and who follows") {
  Cluster cluster(3);
  cluster.StartAll();
  const int leader = cluster.AwaitLeader();
  cluster.Write(leader, "first");
  REQUIRE(cluster.AllApplied(1));
  const std::string who = "server " + std::to_string(leader);
  for (const int id : cluster.ids()) {
    CAPTURE(id);
    CHECK(First(cluster, id, Line::kRecovered) ==
          "a new directory: no snapshot, a log from 0:0 to 0:0, 0 transactions, known committed "
          "through 0:0, in 0 ms");
    CHECK(First(cluster, id, Line::kFounded).ends_with(" of servers 1, 2, 3"));
    if (id == leader) continue;
    CHECK(
        First(cluster, id, Line::kElectionLost).starts_with(who + ", whose history ended at 0:0"));
    CHECK(First(cluster, id, Line::kSynchronised)
              .starts_with("with " + who + ", which leads epoch 1: diff after 0:0, "));
  }
  CHECK(First(cluster, leader, Line::kElectionWon).starts_with("this server, whose history ended"));
  CHECK(First(cluster, leader, Line::kLeads).starts_with("epoch 1 is established"));
  CHECK(cluster.Said(leader, Line::kLeads).size() == 1);
}

TEST_CASE("a lost leader is told with the reason, and the next one with its epoch") {
  Cluster cluster(3);
  cluster.StartAll();
  const int old = cluster.AwaitLeader();
  cluster.Write(old, "first");
  cluster.Crash(old);
  const int next = cluster.AwaitLeaderOtherThan(old);
  CHECK(First(cluster, next, Line::kGoesLooking) == "the link to the leader is down");
  CHECK(Last(cluster, next, Line::kLeads).starts_with("epoch 2 is established"));
}

TEST_CASE("a snapshot is told where it is taken, fetched, installed and restored") {
  Cluster cluster(3);
  cluster.adjust = [](ReplicaOptions* o) {
    o->snapshot_every_transactions = 50;
    o->retain_snapshots = 1;
  };
  cluster.StartAll();
  cluster.AwaitLeader();
  cluster.Write(1, "first");
  REQUIRE(cluster.AllApplied(1));
  const int lagging = cluster.Follower();
  cluster.Crash(lagging);
  const int writer = cluster.AwaitLeaderOtherThan(lagging);
  for (int i = 0; i < 400; ++i) cluster.Write(writer, std::string(1000, 'x'));
  CHECK(Last(cluster, writer, Line::kSnapshotTaken).find(" KiB in 0 ms") != std::string::npos);
  cluster.Start(lagging);
  REQUIRE(cluster.AllApplied(401));
  REQUIRE(cluster.Until([&] { return cluster.Said(lagging, Line::kSynchronised).size() == 2; }));
  const std::string from = " from server " + std::to_string(writer) + ", ";
  CHECK(First(cluster, lagging, Line::kSnapshotFetched).find(from) != std::string::npos);
  CHECK(First(cluster, lagging, Line::kSnapshotInstalled).starts_with("the history goes on from "));
  CHECK(First(cluster, lagging, Line::kRestored).starts_with("from the snapshot at "));
  CHECK(Last(cluster, lagging, Line::kSynchronised).find(": snap at ") != std::string::npos);
}

TEST_CASE("a restart is told with what was found, restored and replayed") {
  Cluster cluster(1);
  cluster.StartAll();
  cluster.AwaitLeader();
  for (int i = 0; i < 10; ++i) cluster.Write(1, std::to_string(i));
  std::optional<absl::StatusOr<Zxid>> taken;
  cluster.at(1).TakeSnapshot({.timeout = absl::InfiniteDuration()},
                             [&](absl::StatusOr<Zxid> zxid) { taken = zxid; });
  REQUIRE(cluster.Until([&] { return taken.has_value(); }));
  cluster.Write(1, "after");
  cluster.Crash(1);
  cluster.Start(1);
  REQUIRE(cluster.AllApplied(11));
  CHECK(Last(cluster, 1, Line::kRecovered)
            .starts_with("a snapshot at 1:10, a log from 0:0 to 1:11, 11 transactions, "));
  CHECK(First(cluster, 1, Line::kRestored).starts_with("from the snapshot at 1:10, "));
  REQUIRE(cluster.Until([&] { return !cluster.Said(1, Line::kReplayed).empty(); }));
  CHECK(First(cluster, 1, Line::kReplayed) == "through 1:11, 1 transactions in 0 ms");
}

TEST_CASE("an unhealthy server says so each minute, and says a later outage, too") {
  Cluster cluster(3);
  const auto say = [&](Line line, size_t times) {
    return cluster.Until([&] { return cluster.Said(1, line).size() == times; }, absl::Minutes(2));
  };
  const auto stop = [&] {
    for (const int id : {2, 3}) cluster.Crash(id);
  };
  cluster.StartAll();
  cluster.AwaitLeader();
  stop();
  REQUIRE(say(Line::kUnhealthy, 1));
  cluster.scheduler.RunFor(absl::Seconds(58));
  CHECK(cluster.Said(1, Line::kUnhealthy).size() == 1);
  REQUIRE(say(Line::kUnhealthy, 2));
  CHECK(Last(cluster, 1, Line::kUnhealthy).starts_with("no leader for 1m1"));
  cluster.StartAll();
  REQUIRE(say(Line::kHealthy, 1));
  cluster.AwaitLeader();
  stop();
  // Within the minute of the line before: it comes late, and it comes.
  REQUIRE(say(Line::kUnhealthy, 3));
  cluster.StartAll();
  REQUIRE(say(Line::kHealthy, 2));
}

class Hand final : public Clock {
 public:
  absl::Duration Monotonic() override { return now; }
  absl::Time Wall() override { return absl::UnixEpoch(); }
  absl::Duration now = absl::Hours(1);
};

struct Kept final : LogSink {
  void Log(LogLevel, ServerId, std::string_view line) override { lines.emplace_back(line); }
  Texts lines;
};

TEST_CASE("what takes long tells each 5 s how far it is, how fast, and how long it still takes") {
  Hand clock;
  const auto sink = std::make_shared<Kept>();
  const Voice voice(sink, ServerId{1}, &clock);
  Progress progress(&voice, &clock, Line::kReplaying, TransactionsText);
  for (uint64_t second = 0; second <= 12; ++second) {
    progress.At(1000 + second * 100, 5000);
    clock.now += absl::Seconds(1);
  }
  CHECK(sink->lines ==
        Texts{"replaying: 1500 transactions of 5000 transactions, 100 transactions a "
              "second, 35 s left",
              "replaying: 2000 transactions of 5000 transactions, 100 transactions a "
              "second, 30 s left"});
  CHECK(progress.Summary(5000) == "5000 transactions in 13 s");
}

}  // namespace
}  // namespace zkq::runtime
