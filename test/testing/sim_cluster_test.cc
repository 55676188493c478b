// Replicas under the faults that only a SimCluster has, and what review found.
#include "zkq/testing/sim_cluster.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "test/harness/catch.h"
#include "test/testing/world.h"

namespace zkq::testing {
namespace {

using Step = MemoryFileSystem::Step;

// Fails all that it is to apply once it is told to.
class Failing final : public StateMachine {
 public:
  Failing(Notes* notes, const bool* fails) : inner_(notes), fails_(fails) {}
  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    if (fails_ != nullptr && *fails_) return absl::InternalError("told to fail");
    return inner_.Apply(txn);
  }
  absl::StatusOr<std::string> Query(std::string_view request) override {
    return inner_.Query(request);
  }
  absl::StatusOr<SnapshotJob> Snapshot() override { return inner_.Snapshot(); }
  absl::Status Restore(SnapshotReader& in) override { return inner_.Restore(in); }

 private:
  Machine inner_;
  const bool* const fails_;
};

// One transaction reaches a follower alone, and no quorum: its leader dies before it
// is on the leader's own disk, and the third server is cut off. False if it was lost
// on its way.
bool LogAlone(World* world, ServerId leader, ServerId follower, ServerId third) {
  world->cluster.network().Cut(leader, third);
  const Zxid before = world->cluster.server(follower).Status().last_logged;
  world->cluster.RunFor(absl::Milliseconds(1));  // what was said before is written
  world->cluster.server(leader).CrashAtDisk(1, CrashMode::kPower);
  world->cluster.server(leader).Propose("lost", absl::Seconds(5), [](absl::StatusOr<Reply>) {});
  world->cluster.RunFor(absl::Milliseconds(100));
  const bool logged = world->cluster.server(follower).Status().last_logged > before;
  world->cluster.server(follower).Crash();
  world->cluster.Heal();
  REQUIRE(world->cluster.server(leader).Start().ok());
  return logged;
}

TEST_CASE("a server started after a cut reads only what was not cut") {
  int cuts = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    World world(
        3, [](ReplicaOptions* options) { options->window_bytes = 1; }, seed);
    const ServerId leader = world.Leader(), follower = world.Follower();
    const ServerId third = ServerId(6 - ToInt(leader) - ToInt(follower));
    for (int i = 0; i < 20; ++i) world.Write(leader, "w" + std::to_string(i));
    cuts += LogAlone(&world, leader, follower, third);
    world.Write(third, "kept");
    for (int starts = 0; starts < 2; ++starts) {
      REQUIRE(world.cluster.server(follower).Start().ok());
      world.Until([&] { return world.notes[follower].commands == world.notes[third].commands; });
      world.cluster.server(follower).Crash();
    }
  }
  REQUIRE(cuts > 0);
}

void WriteMany(World* world, int count) {
  for (int i = 0; i < count; ++i) {
    world->cluster.server(world->Leader())
        .Propose("w" + std::to_string(i), absl::Seconds(5), nullptr);
  }
  world->cluster.RunFor(absl::Seconds(1));
}

TEST_CASE("what a slow Apply has begun is over soon after the machine is fast again") {
  World world(3);
  const ServerId follower = world.Follower();
  world.cluster.server(follower).SlowApply(absl::Seconds(20));
  WriteMany(&world, 500);  // nearly all of them in one task
  world.cluster.RunFor(absl::Seconds(30));
  const absl::Duration healed = world.cluster.now();
  REQUIRE(world.cluster.CheckConverges(absl::Minutes(1)) == absl::OkStatus());
  REQUIRE(world.cluster.now() < healed + absl::Minutes(2));
}

TEST_CASE("a leader that goes while nothing is wrong is a violation of LIV-4") {
  const int servers = GENERATE(1, 3);
  SimCluster cluster({.servers = servers}, nullptr);
  cluster.StartAll();
  // The first sync_limit is for the ensemble to settle; then the leader has to stay for longer than
  // another one.
  cluster.RunUntil([&] { return cluster.leader().has_value(); }, absl::Seconds(10));
  cluster.scheduler().After(absl::Seconds(4), [&] { cluster.server(*cluster.leader()).Crash(); });
  const std::string status = cluster.CheckConverges(absl::Minutes(1)).ToString();
  CHECK(status.find("LIV-4 stability: led by ") != status.npos);
}

TEST_CASE("a server held up longer than the limit ends CheckConverges at the limit, by name") {
  SimCluster cluster({}, nullptr);
  cluster.StartAll();
  cluster.server(ServerId{2}).StallDisk(absl::Hours(5));
  cluster.RunFor(absl::Seconds(1));
  const absl::Duration healed = cluster.now();
  const std::string status = cluster.CheckConverges(absl::Minutes(1)).ToString();
  INFO(status);
  REQUIRE(status.find("server 2 is held up in a call") != std::string::npos);
  REQUIRE(cluster.now() <= healed + absl::Minutes(1));
}

// In a sector before which nothing but it and what follows was written last: without
// a batch after it, this damage would look like a write that power cut short.
TEST_CASE("damage to the last write of a quiet log is noticed") {
  World world(3);
  const ServerId follower = world.Follower();
  world.Write(world.Leader(), "last");
  world.Until([&] { return !world.notes[follower].commands.empty(); });
  const MemoryFileSystem& disk = world.cluster.server(follower).disk();
  std::string log;
  for (const std::string& path : disk.Files()) {
    if (path.find("/log-") != std::string::npos) log = path;
  }
  const size_t at = disk.Contents(log)->rfind("last");
  REQUIRE(at != std::string::npos);
  REQUIRE_FALSE(world.cluster.server(follower).Settled(log, at));
  world.cluster.RunFor(absl::Seconds(2));
  REQUIRE(world.cluster.server(follower).Settled(log, at));
  world.cluster.server(follower).Crash(CrashMode::kPower);
  SECTION("a bit flips") { world.cluster.server(follower).FlipBit(log, at, 3); }
  SECTION("the sector is lost") { world.cluster.server(follower).LoseSector(log, at - at % 512); }
  SECTION("it reads as another") {
    world.cluster.server(follower).OverwriteSector(log, at - at % 512, 512);
  }
  REQUIRE(world.cluster.server(follower).Start().code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("own calls that a snapshot passes over are answered, as unknown") {
  int answered = 0, unknown = 0;
  World world(3, [](ReplicaOptions* options) { options->retain_snapshots = 1; });
  const ServerId follower = world.Follower();
  world.Write(world.Leader(), "first");
  world.Until([&] { return world.cluster.server(follower).Status().leader.has_value(); });
  world.cluster.server(follower).SlowApply(absl::Seconds(30));
  const auto propose = [&](const std::string& command) {
    world.cluster.server(follower).Propose(
        command, absl::InfiniteDuration(), [&](absl::StatusOr<Reply> reply) {
          ++answered;
          unknown += !reply.ok() && GetErrorInfo(reply.status()).outcome == Outcome::kUnknown;
        });
  };
  propose("own");
  world.Until([&] { return world.Count(follower, "own") == 1; });  // in that Apply
  for (int i = 1; i < 5; ++i) propose("own" + std::to_string(i));
  world.cluster.RunFor(absl::Seconds(1));
  world.LeaveBehind(follower);
  world.cluster.server(follower).SlowApply(absl::ZeroDuration());
  world.cluster.network().Heal();
  world.Until([&] { return answered == 5; }, absl::Seconds(600));
  REQUIRE(world.notes[follower].restores == 1);
  REQUIRE(unknown > 0);
}

// A rename whose directory fsync has failed is seen, and a power cut undoes it.
TEST_CASE("a fetched snapshot whose name is not durable is not resumed") {
  World world(3, [](ReplicaOptions* options) { options->retain_snapshots = 1; });
  const ServerId follower = world.Follower();
  world.Write(world.Leader(), "first");
  world.LeaveBehind(follower);
  const Zxid before = world.cluster.server(follower).Status().last_logged;
  world.cluster.server(follower).FailDisk(Step::kSyncDirectory);
  world.cluster.network().Heal();
  world.Until([&] { return world.cluster.server(follower).Status().last_logged > before; });
  world.Until([&] { return world.cluster.server(follower).Status().leader.has_value(); });
  world.cluster.server(follower).Crash(CrashMode::kPower);
  REQUIRE(world.cluster.server(follower).Start().ok());
  REQUIRE(world.notes[follower].restores > 0);
}

TEST_CASE("a replica does next to nothing while its disk stands still") {
  World world(3);
  const ServerId leader = world.Leader();
  world.Write(leader, "first");
  world.cluster.server(leader).StallDisk(absl::Seconds(1));
  world.cluster.server(leader).Propose("waits", absl::Seconds(5), nullptr);
  const uint64_t before = world.cluster.steps();
  world.cluster.RunFor(absl::Seconds(1));
  REQUIRE(world.cluster.steps() - before < 10'000);  // heartbeats are a few hundred
}

TEST_CASE("two snapshots that arrive while the state machine is busy are both installed") {
  World world(3, [](ReplicaOptions* options) {
    options->retain_snapshots = 1;
    options->window_bytes = 1000;  // what follows the histories is not in memory either
  });
  const ServerId follower = world.Follower();
  const ServerId leader = world.Leader();
  world.Write(leader, "first");
  world.Until([&] { return world.cluster.server(follower).Status().last_applied.counter == 1; });
  world.cluster.server(follower).SlowApply(absl::Seconds(100));
  world.Write(leader, "slow");
  world.Until([&] { return world.Count(follower, "slow") == 1; });
  for (int round = 1; round <= 2; ++round) {
    const Zxid before = world.cluster.server(follower).Status().last_logged;
    world.LeaveBehind(follower);
    world.cluster.network().Heal();
    world.Until([&] { return world.cluster.server(follower).Status().last_logged > before; });
    world.Until([&] { return world.cluster.server(follower).Status().leader.has_value(); });
    REQUIRE(world.notes[follower].commands.size() == 2);  // still in that Apply
  }
  for (int i = 0; i < 3; ++i) world.Write(leader, std::string(1000, static_cast<char>('A' + i)));
  world.cluster.server(follower).SlowApply(absl::ZeroDuration());
  const Zxid last = world.cluster.server(world.Leader()).Status().last_committed;
  world.Until([&] { return world.cluster.server(follower).Status().last_applied == last; },
              absl::Seconds(600));
  REQUIRE(world.notes[follower].restores == 1);  // of the newer one
  world.Write(follower, "goes on");
}

TEST_CASE("a replica that has heard no leader refuses reads with a bound on staleness") {
  std::map<ServerId, Notes> notes;
  SimCluster alone({.servers = 3},
                   [&](ServerId sid) { return std::make_unique<Machine>(&notes[sid]); });
  REQUIRE(alone.server(ServerId{1}).Start().ok());
  alone.RunFor(absl::Milliseconds(500));
  const auto read =
      alone.server(ServerId{1})
          .replica()
          .Read("", {.consistency = Consistency::kLocal, .max_staleness = absl::Seconds(1)});
  REQUIRE_FALSE(read.ok());
}

TEST_CASE("no event call begins after a Shutdown in an event call") {
  World world(1);
  bool shut = false;
  int late = 0;
  Replica& replica = world.cluster.server(ServerId{1}).replica();
  Subscription one = replica.Subscribe([&](const Event& event) {
    if (shut || event.kind != Event::Kind::kSnapshotTaken) return;
    shut = true;
    (void)world.cluster.server(ServerId{1}).Shutdown(absl::ZeroDuration());
  });
  Subscription other = replica.Subscribe([&](const Event&) { late += shut; });
  world.Write(ServerId{1}, "a");
  replica.TakeSnapshot({.timeout = absl::InfiniteDuration()}, [](absl::StatusOr<Zxid>) {});
  world.Until([&] { return shut; });
  REQUIRE(late == 0);
}

TEST_CASE("a state machine whose Apply has failed is not called again") {
  World world(1, [](ReplicaOptions* options) { options->snapshot_every_transactions = 2; });
  world.Write(ServerId{1}, "a");
  world.cluster.RunFor(absl::Seconds(1));
  const int before = world.notes[ServerId{1}].snapshots;
  world.cluster.server(ServerId{1}).FailApply();
  bool failed = false;
  world.cluster.server(ServerId{1})
      .Propose("b", absl::Seconds(5), [&](absl::StatusOr<Reply> reply) { failed = !reply.ok(); });
  world.Until([&] { return failed; });
  world.cluster.RunFor(absl::Seconds(1));
  REQUIRE(world.notes[ServerId{1}].snapshots == before);
}

TEST_CASE("a Shutdown inside a callback that Shutdown runs does not wait for itself") {
  World world(1);
  Replica& replica = world.cluster.server(ServerId{1}).replica();
  // The callback strand is in a callback that takes long, so Shutdown runs the next itself.
  bool busy = false;
  replica.Propose("a", {}, [&](absl::StatusOr<Reply>) {
    world.cluster.scheduler().Charge(absl::Seconds(100));
    busy = true;
  });
  world.Until([&] { return busy; });
  absl::Status inner;
  bool in_task = true;
  replica.Propose("b", {.timeout = absl::InfiniteDuration()}, [&](absl::StatusOr<Reply>) {
    in_task = world.cluster.scheduler().InTask();
    inner = replica.Shutdown(absl::Seconds(1));
  });
  (void)replica.Shutdown(absl::ZeroDuration());
  REQUIRE_FALSE(in_task);
  REQUIRE(inner.code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("a callback that repeats its refused call does not keep Shutdown busy") {
  World world(1);
  Replica& replica = world.cluster.server(ServerId{1}).replica();
  world.cluster.server(ServerId{1}).SlowApply(absl::Seconds(100));
  int calls = 0;
  std::function<void()> ask = [&] {
    replica.Propose("again", {}, [&](absl::StatusOr<Reply> reply) {
      if (++calls < 10'000 && reply.status().code() != absl::StatusCode::kFailedPrecondition) ask();
    });
  };
  ask();
  (void)replica.Shutdown(absl::ZeroDuration());
  REQUIRE(calls < 100);
}

TEST_CASE("a call without a callback is made all the same") {
  World world(1);
  Replica& replica = world.cluster.server(ServerId{1}).replica();
  replica.Propose("a", {}, nullptr);
  replica.Read("", {}, nullptr);
  world.Write(ServerId{1}, "b");
  replica.TakeSnapshot({}, nullptr);
  const Subscription none = replica.Subscribe(nullptr);
  world.Until([&] { return world.notes[ServerId{1}].snapshots == 1; });
}

// --- the cluster itself -------------------------------------------------------------------

TEST_CASE("a server's excuse ends, also while the server is kept busy") {
  std::map<ServerId, Notes> notes;
  bool fails = false;
  SimCluster cluster({.servers = 3}, [&](ServerId sid) {
    return std::make_unique<Failing>(&notes[sid], sid == ServerId{1} ? &fails : nullptr);
  });
  cluster.StartAll();
  REQUIRE(cluster.RunUntil([&] { return cluster.leader().has_value(); }, absl::Seconds(10)));
  cluster.server(ServerId{1}).FillDisk(true);
  cluster.server(ServerId{1}).FillDisk(false);
  int commands = 0;
  const auto write = [&] {
    cluster.server(ServerId{2}).Propose(std::to_string(++commands), absl::Seconds(1), nullptr);
    cluster.RunFor(absl::Milliseconds(50));
  };
  SECTION("it holds for a while") {
    fails = true;
    for (int i = 0; i < 20; ++i) write();
    REQUIRE(cluster.CheckInvariants().ok());
  }
  SECTION("and no longer") {
    for (int i = 0; i < 100; ++i) write();
    fails = true;
    for (int i = 0; i < 20; ++i) write();
    REQUIRE(cluster.violation().has_value());
    REQUIRE(cluster.violation()->property == "no halt without cause");
  }
}

TEST_CASE("the disk of a running server is not damaged") {
  World world(3);
  const ServerId sid{1};
  const std::string log = "data/log-0000000000000001";
  REQUIRE_FALSE(world.cluster.server(sid).WipeDisk());
  REQUIRE_FALSE(world.cluster.server(sid).FlipBit(log, 0, 0));
  REQUIRE_FALSE(world.cluster.server(sid).LoseSector(log, 0));
  REQUIRE_FALSE(world.cluster.server(sid).OverwriteSector(log, 0, 512));
  world.cluster.server(sid).Crash();
  REQUIRE(world.cluster.server(sid).FlipBit(log, 0, 0));
  REQUIRE(world.cluster.server(sid).WipeDisk());
  REQUIRE_FALSE(world.cluster.server(sid).WipeDisk());
}

TEST_CASE("a call that is under way when the cluster ends is told so, once") {
  std::map<std::string, int> ends;
  {
    World world(3);
    for (const ServerId sid : world.cluster.servers()) {
      if (sid == ServerId{3}) world.cluster.server(sid).Crash();
      world.cluster.server(sid).Propose("a" + ToString(sid), absl::Seconds(5),
                                        [&ends](absl::StatusOr<Reply>) { ++ends["write"]; });
      world.cluster.server(sid).Read("", absl::Seconds(5),
                                     [&ends](absl::StatusOr<Reply>) { ++ends["read"]; });
    }
  }
  REQUIRE(ends == std::map<std::string, int>{{"read", 3}, {"write", 3}});
}

TEST_CASE("a callback that is told of a crash may start the server again") {
  bool refused = false;
  absl::Status started = absl::UnknownError("not asked for");
  World world(3);
  const ServerId sid = world.Follower();
  world.cluster.network().Partition({sid});
  world.cluster.RunFor(absl::Seconds(3));
  world.cluster.server(sid).Propose("a", absl::InfiniteDuration(),
                                    [&](absl::StatusOr<Reply> reply) {
                                      refused = !reply.ok();
                                      started = world.cluster.server(sid).Start();
                                    });
  world.cluster.server(sid).Crash();
  REQUIRE(refused);
  REQUIRE(started.ok());
  REQUIRE(world.cluster.server(sid).up());
  world.cluster.network().Heal();
  world.Write(sid, "goes on");
  world.cluster.server(sid).Crash();
  REQUIRE_FALSE(world.cluster.server(sid).up());
}

TEST_CASE("a callback that is told of a Shutdown may crash the server") {
  bool told = false;
  World world(3);
  const ServerId sid = world.Follower();
  world.cluster.network().Partition({sid});
  world.cluster.RunFor(absl::Seconds(3));
  world.cluster.server(sid).Propose("a", absl::Seconds(1), [&](absl::StatusOr<Reply>) {
    told = true;
    world.cluster.server(sid).Crash();
  });
  (void)world.cluster.server(sid).Shutdown(absl::Seconds(5));
  REQUIRE(told);
  REQUIRE_FALSE(world.cluster.server(sid).up());
  world.cluster.network().Heal();
  REQUIRE(world.cluster.server(sid).Start().ok());
  world.Write(sid, "goes on");
}

TEST_CASE("a callback that runs while a server starts does not start it twice") {
  absl::Status inner;
  World world(3);
  const ServerId sid = world.Follower();
  world.cluster.server(sid).Crash();
  world.cluster.server(sid).Propose("a", absl::Seconds(1), [&](absl::StatusOr<Reply>) {
    inner = world.cluster.server(sid).Start();
  });
  REQUIRE(world.cluster.server(sid).Start().ok());  // its disk takes time
  REQUIRE(inner.code() == absl::StatusCode::kUnavailable);
  REQUIRE(world.cluster.CheckConverges(absl::Seconds(60)).ok());
}

TEST_CASE("the options that are the cluster's own cannot be adjusted") {
  class Lines final : public LogSink {
   public:
    void Log(LogLevel, ServerId, std::string_view) override { ++lines; }
    int lines = 0;
  };
  const auto sink = std::make_shared<Lines>();
  World world(3, [&](ReplicaOptions* options) {
    options->id = ServerId{7};
    options->members = {};
    options->data_dir = "elsewhere";
    options->env = {};
    options->log_sink = sink;
  });
  world.Write(world.Follower(), "a");
  REQUIRE(sink->lines > 0);
  REQUIRE(world.cluster.CheckConverges(absl::Seconds(60)).ok());
}

TEST_CASE("a crash that was armed has the mode it was armed with") {
  World world(3);
  const ServerId sid = world.Follower();
  world.Write(world.Leader(), "a");
  world.cluster.RunFor(absl::Seconds(1));
  // Armed later and never come to: nothing is sent by whoever is gone.
  world.cluster.server(sid).CrashAtDisk(3, CrashMode::kPower, Step::kSync);
  world.cluster.server(sid).CrashAtSend(1'000'000, CrashMode::kProcess);
  world.cluster.server(sid).disk().SetContents("data/other", "");
  const std::unique_ptr<File> file =
      *world.cluster.server(sid).disk().Open("data/other", FileSystem::Mode::kWrite);
  const std::string_view bytes = "not synced";
  REQUIRE(file->Write(0, {&bytes, 1}).ok());
  for (int i = 0; world.cluster.server(sid).up() && i < 100; ++i) {
    world.Write(world.Leader(), "w" + std::to_string(i));
  }
  REQUIRE_FALSE(world.cluster.server(sid).up());
  REQUIRE(*world.cluster.server(sid).disk().Contents("data/other") == "");
}

TEST_CASE("two runs of one seed are one run, to the byte") {
  const auto run = [](uint64_t seed) {
    std::map<ServerId, Notes> notes;
    SimCluster cluster({.servers = 3, .seed = seed},
                       [&](ServerId sid) { return std::make_unique<Machine>(&notes[sid]); });
    cluster.keep_trace(100'000);
    cluster.StartAll();
    cluster.RunFor(absl::Seconds(2));
    cluster.server(*cluster.leader()).Crash(CrashMode::kTorn);
    cluster.RunFor(absl::Seconds(2));
    return std::pair(cluster.trace_hash(), cluster.trace());
  };
  REQUIRE(run(1) == run(1));
  REQUIRE(run(1).first != run(2).first);
}

}  // namespace
}  // namespace zkq::testing
