// What broke ZooKeeper where disks, applying and snapshots have their part: driven step by
// step through whole replicas. What must never happen (something acknowledged is lost,
// applied before it is durable, applied twice …) the SimCluster checks by itself. The
// others are in test/core/known_bugs_test.cc; test/README.md has the list.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "test/harness/catch.h"
#include "test/testing/world.h"

namespace zkq::testing {
namespace {

using Step = MemoryFileSystem::Step;

// Remembers what servers say and hear, by the beginning of the line it prints as.
class Watch final : public SimObserver {
 public:
  explicit Watch(SimCluster* cluster) : cluster_(*cluster) { cluster_.Observe(this); }
  ~Watch() override { cluster_.Forget(this); }

  // Only what is said and heard from now on.
  void Clear() { said_ = heard_ = {}; }
  size_t Said(ServerId sid, std::string_view what) const { return Count(said_, sid, what); }
  size_t Heard(ServerId sid, std::string_view what) const { return Count(heard_, sid, what); }
  // Of snapshots that it fetches, pieces that it has written down.
  size_t Pieces(ServerId sid) const { return Count(pieces_, sid, ""); }

  void OnSent(const Route& route, const Carried& carried) override {
    if (carried.message != nullptr) said_[route.from].push_back(ToString(*carried.message));
  }
  void OnDelivered(const Route& route, const Carried& carried) override {
    if (carried.message != nullptr) heard_[route.to].push_back(ToString(*carried.message));
  }
  void OnDisk(ServerId sid, const MemoryFileSystem::Operation& operation) override {
    if (operation.step == Step::kWrite && operation.path.ends_with(".part")) {
      pieces_[sid].push_back(operation.path);
    }
  }

 private:
  using Lines = std::map<ServerId, std::vector<std::string>>;
  static size_t Count(const Lines& lines, ServerId sid, std::string_view what) {
    const auto found = lines.find(sid);
    if (found == lines.end()) return 0;
    return static_cast<size_t>(
        std::count_if(found->second.begin(), found->second.end(),
                      [&](const std::string& line) { return line.starts_with(what); }));
  }

  SimCluster& cluster_;
  Lines said_ = {}, heard_ = {}, pieces_ = {};
};

void Ask(World* world, ServerId sid, const std::string& command) {
  world->cluster.server(sid).Propose(command, absl::InfiniteDuration(),
                                     [](absl::StatusOr<Reply>) {});
}

// The largest but `other`: of equals it leads.
ServerId LargestBut(const World& world, ServerId other) {
  const ServerId largest = world.cluster.servers().back();
  return largest != other ? largest : ServerId(ToInt(largest) - 1);
}

void CrashAndStart(World* world, ServerId sid, CrashMode mode) {
  world->cluster.server(sid).Crash(mode);
  REQUIRE(world->cluster.server(sid).Start() == absl::OkStatus());
}

// The leader logs a command alone, cut off, and the others go on without it: there are
// writes that it does not have. Returns who it was.
ServerId GoAstray(World* world, const std::string& orphan = "orphan") {
  const ServerId astray = world->Leader();
  world->Write(astray, "before");
  world->cluster.network().Partition({astray});
  const Zxid before = world->cluster.server(astray).Status().last_logged;
  bool told = false;  // from then on it does not go again
  world->cluster.server(astray).Propose(orphan, absl::Milliseconds(500),
                                        [&](const absl::StatusOr<Reply>&) { told = true; });
  world->Until([&] { return world->cluster.server(astray).Status().last_logged > before; });
  world->Until([&] { return told && world->Leader() != astray; });
  for (int i = 0; i < 5; ++i) world->Write(world->Leader(), "kept" + std::to_string(i));
  return astray;
}

// --- synchronisation: history, durability, epoch order -----------------------------------

// Cut to Z1 and entries to Z2, a break, then a diff to Z3.
TEST_CASE("ZK-5094: a follower that was cut, fed again and lost its link restarts with all of it") {
  const std::string last_heard = GENERATE("trunc", "proposal", "new-leader");
  World world(3);
  Watch watch(&world.cluster);
  const ServerId astray = GoAstray(&world), next = world.Leader();
  watch.Clear();
  world.cluster.network().Heal();
  world.Until([&] { return watch.Heard(astray, last_heard) > 0; });
  REQUIRE(watch.Heard(astray, "trunc") == 1);
  REQUIRE(watch.Said(astray, "ack ") == 0);
  world.cluster.network().Disconnect(astray, next);
  world.Write(next, "more");
  world.Until([&] { return world.Agree(); });
  REQUIRE(world.Leader() == next);
  REQUIRE(watch.Heard(astray, "trunc") == 1);
  REQUIRE(watch.Heard(astray, "diff") == 1);
  CrashAndStart(&world, astray, CrashMode::kPower);
  world.Until([&] { return world.Agree(); });
  REQUIRE(world.Count(astray, "kept4") == 1);
  REQUIRE(world.Count(astray, "orphan") == 0);
}

// A crash instead of the break: before any operation of the disk from the cut on.
TEST_CASE(
    "ZK-5094: a follower that crashes after a cut, at any operation, restarts with its leader's "
    "history") {
  const CrashMode mode = GENERATE(CrashMode::kPower, CrashMode::kProcess, CrashMode::kTorn);
  int crashes = 0;
  for (bool crashed = true; crashed; ++crashes) {
    World world({.servers = 3, .log_batch_bytes_max = 1});  // a write for each entry
    Watch watch(&world.cluster);
    const ServerId astray = GoAstray(&world), next = world.Leader();
    world.cluster.network().Heal();
    world.Until([&] { return watch.Heard(astray, "trunc") > 0; });
    world.cluster.server(astray).CrashAtDisk(static_cast<uint64_t>(crashes) + 1, mode);
    world.Until([&] {
      return !world.cluster.server(astray).up() || watch.Heard(astray, "up-to-date") > 0;
    });
    crashed = !world.cluster.server(astray).up();
    world.cluster.Heal();
    REQUIRE(world.cluster.server(astray).Start() == absl::OkStatus());
    world.Write(next, "more");
    world.Until([&] { return world.Agree(); });
    CrashAndStart(&world, astray, mode);
    world.Until([&] { return world.Agree(); });
    REQUIRE(world.Count(astray, "orphan") == 0);
  }
  REQUIRE(crashes > 5);
}

TEST_CASE(
    "ZK-4882: a follower that cannot sync what it is brought up with has applied none of it") {
  const CrashMode mode = GENERATE(CrashMode::kPower, CrashMode::kProcess, CrashMode::kTorn);
  World world(3);
  Watch watch(&world.cluster);
  const ServerId leader = world.Leader(), follower = LargestBut(world, leader);
  world.Write(leader, "before");
  world.Until([&] { return world.Agree(); });
  world.cluster.server(follower).Crash();
  for (int i = 0; i < 5; ++i) world.Write(leader, "missed" + std::to_string(i));
  watch.Clear();
  REQUIRE(world.cluster.server(follower).Start() == absl::OkStatus());
  // The entries come, and in the same instant that they are committed.
  world.Until([&] { return watch.Said(follower, "ack-epoch") > 0; });
  world.cluster.network().SetPath(leader, follower, {.stalled = true});
  world.cluster.RunFor(absl::Milliseconds(50));
  world.cluster.server(follower).FailDisk(Step::kSync);
  world.cluster.network().Heal();
  world.Until([&] { return world.cluster.server(follower).Status().halted; });
  REQUIRE(watch.Heard(follower, "new-leader") > 0);
  world.Write(leader, "without it");
  world.cluster.RunFor(absl::Seconds(1));
  REQUIRE(world.Count(follower, "missed0") == 0);
  REQUIRE(watch.Said(follower, "ack ") == 0);
  CrashAndStart(&world, follower, mode);
  world.Until([&] { return world.Agree(); });
  // It passes on all of it, too.
  world.cluster.server(leader).Crash();
  world.Until([&] { return world.Leader() == follower; });
  world.Write(follower, "led by it");
  REQUIRE(world.cluster.server(leader).Start() == absl::OkStatus());
  world.Until([&] { return world.Agree(); });
  REQUIRE(world.Count(leader, "missed4") == 1);
}

TEST_CASE("ZK-4785: a follower whose disk stalls while it is brought up counts for no quorum") {
  std::optional<absl::Status> outcome;
  World world(3);
  Watch watch(&world.cluster);
  const ServerId leader = world.Leader(), stalled = LargestBut(world, leader);
  const ServerId other = ServerId(6 - ToInt(leader) - ToInt(stalled));
  world.cluster.server(stalled).Crash();
  world.Write(leader, "acknowledged");
  watch.Clear();
  REQUIRE(world.cluster.server(stalled).Start() == absl::OkStatus());
  world.Until([&] { return watch.Heard(stalled, "diff") > 0; });
  world.cluster.server(stalled).StallDisk(absl::Seconds(5));
  world.Until([&] { return watch.Heard(stalled, "new-leader") > 0; });
  world.cluster.server(other).Crash();
  world.cluster.server(leader).Propose(
      "by one of three", absl::Seconds(3),
      [&](absl::StatusOr<Reply> reply) { outcome = reply.status(); });
  world.Until([&] { return outcome.has_value(); });
  REQUIRE_FALSE(outcome->ok());
  REQUIRE(world.Count(leader, "by one of three") == 0);
  REQUIRE(watch.Said(stalled, "ack ") == 0);
  world.cluster.server(leader).Crash();
  REQUIRE(world.cluster.server(other).Start() == absl::OkStatus());
  world.Write(world.Leader(), "next");
  REQUIRE(world.Count(stalled, "acknowledged") == 1);
  REQUIRE(world.cluster.server(leader).Start() == absl::OkStatus());
  world.Until([&] { return world.Agree(); });
}

// A cut is a record of the log, so only one that needs a new segment finds no
// room: the size of the orphan moves the end of the log from one segment to the next.
TEST_CASE("ZK-3701: a server without room for a cut halts, and makes the cut when it has room") {
  int uncut = 0;
  for (size_t size = 1; size < 4096; size += 100) {
    World world(3, [](ReplicaOptions* options) { options->log_segment_bytes = 4096; });
    Watch watch(&world.cluster);
    const std::string orphan(size, 'o');
    const ServerId astray = GoAstray(&world, orphan);
    const Zxid logged = world.cluster.server(astray).Status().last_logged;
    watch.Clear();
    world.cluster.network().Heal();
    world.Until([&] { return watch.Heard(astray, "trunc") > 0; });
    world.cluster.server(astray).FillDisk(true);
    world.cluster.RunFor(absl::Seconds(1));
    const bool halted = absl::IsResourceExhausted(world.cluster.server(astray).Status().health);
    world.cluster.server(astray).FillDisk(false);
    world.cluster.network().Partition({astray});
    CrashAndStart(&world, astray, CrashMode::kPower);
    if (world.cluster.server(astray).Status().last_logged == logged) {
      ++uncut;
      REQUIRE(halted);
      REQUIRE(watch.Said(astray, "ack ") == 0);
    }
    world.cluster.network().Heal();
    world.Until([&] { return world.Agree(); });
    CrashAndStart(&world, astray, CrashMode::kPower);
    world.Until([&] { return world.Agree(); });
    REQUIRE(world.Count(astray, orphan) == 0);
  }
  REQUIRE(uncut > 0);
}

// The first Apply holds up the others, so they come when this server leads no
// more: before it follows another, meanwhile, or when it has done so for a while.
TEST_CASE("ZK-3598: an Apply that runs in a later term is answered truly and harms nobody") {
  const absl::Duration apart = GENERATE(absl::ZeroDuration(), absl::Seconds(5), absl::Seconds(30));
  std::map<std::string, absl::StatusOr<Reply>> told;
  World world(3);
  const ServerId slow = world.Leader();
  const auto ask = [&](const std::string& command) {
    world.cluster.server(slow).Propose(
        command, absl::InfiniteDuration(),
        [&told, command](absl::StatusOr<Reply> reply) { told[command] = std::move(reply); });
  };
  world.cluster.server(slow).SlowApply(absl::Seconds(4));
  ask("committed0");
  world.Until([&] { return world.Count(slow, "committed0") == 1; });
  for (int i = 1; i < 6; ++i) ask("committed" + std::to_string(i));
  world.Until([&] { return world.Count(world.Follower(), "committed5") == 1; });
  world.cluster.network().Partition({slow});
  ask("lost");
  world.Until([&] { return world.Leader() != slow; });
  REQUIRE(told.empty());
  REQUIRE(world.notes[slow].commands.size() == 1);
  world.Write(world.Leader(), "next");
  world.cluster.RunFor(apart);
  world.cluster.network().Heal();
  world.Until([&] { return world.Agree() && told.size() == 7; });
  for (int i = 0; i < 6; ++i) {
    const absl::StatusOr<Reply>& reply = told["committed" + std::to_string(i)];
    REQUIRE(reply.status() == absl::OkStatus());
    REQUIRE(reply->value == std::to_string(i + 1));
  }
  REQUIRE(told["lost"].status() == absl::OkStatus());  // it has gone again
  REQUIRE(world.Count(slow, "lost") == 1);
  REQUIRE(world.Count(slow, "next") == 1);
  world.Write(slow, "through it");
}

// In ZK-2307 what fails was in memory already. Also ZK-1387, ZK-4269: what is on the disk
// then.
TEST_CASE(
    "ZK-2307: a promise or epoch that cannot be stored is not given, nor in the way of a start") {
  const std::string asked = GENERATE("leader-info", "new-leader");
  const Step fails = GENERATE(Step::kWrite, Step::kSync);
  const CrashMode mode = GENERATE(CrashMode::kPower, CrashMode::kProcess);
  World world(3);
  Watch watch(&world.cluster);
  const ServerId old = world.Leader(), next = LargestBut(world, old);
  const ServerId follower = ServerId(6 - ToInt(old) - ToInt(next));
  world.Write(old, "before");
  world.Until([&] { return world.Agree(); });
  watch.Clear();
  world.cluster.server(old).Crash();
  world.Until([&] { return watch.Heard(follower, asked) > 0; });
  world.cluster.server(follower).FailDisk(fails);
  world.Until([&] { return world.cluster.server(follower).Status().halted; });
  world.cluster.RunFor(absl::Seconds(1));
  REQUIRE(watch.Said(follower, "ack ") == 0);
  REQUIRE((asked == "new-leader" || watch.Said(follower, "ack-epoch") == 0));
  CrashAndStart(&world, follower, mode);
  world.Write(world.Leader(), "after");
  REQUIRE(world.cluster.server(old).Start() == absl::OkStatus());
  world.Until([&] { return world.Agree(); });
}

// --- snapshots ------------------------------------------------------------------------------

// Also ZK-3125, ZK-3144, ZK-3145, ZK-3249, ZK-3306: replaying on a snapshot that holds more
// than its name says, or less. Writes go on while each snapshot is written, and power
// fails, or the process, before every operation of the disk.
TEST_CASE(
    "ZK-3127: a server restarted on a snapshot taken under load has each write once, in order") {
  const CrashMode mode = GENERATE(CrashMode::kPower, CrashMode::kProcess, CrashMode::kTorn);
  int restores = 0;
  bool crashed = true;
  for (uint64_t operation = 1; crashed; ++operation) {
    int asked = 0, acknowledged = 0;
    World world(1, [](ReplicaOptions* options) {
      options->snapshot_every_transactions = 8;
      options->retain_snapshots = 1;
      options->log_segment_bytes = 4096;
    });
    const ServerId only{1};
    world.cluster.server(only).CrashAtDisk(operation, mode);
    for (; asked < 40 && world.cluster.server(only).up(); ++asked) {
      world.cluster.server(only).Propose(
          std::to_string(asked), absl::InfiniteDuration(),
          [&](absl::StatusOr<Reply> reply) { acknowledged += reply.ok(); });
      world.cluster.RunFor(absl::Microseconds(150));
    }
    world.cluster.RunUntil([&] { return !world.cluster.server(only).up() || acknowledged == 40; },
                           absl::Seconds(1));
    crashed = !world.cluster.server(only).up();
    const int acknowledged_before = acknowledged;
    if (!crashed) world.cluster.server(only).Crash(mode);
    REQUIRE(world.cluster.server(only).Start() == absl::OkStatus());
    restores += world.notes[only].restores;
    world.Write(world.Leader(), "end");
    std::vector<std::string> wanted;
    for (size_t i = 0; i + 1 < world.notes[only].commands.size(); ++i) {
      wanted.push_back(std::to_string(i));
    }
    wanted.push_back("end");
    REQUIRE(world.notes[only].commands == wanted);
    REQUIRE(wanted.size() > static_cast<size_t>(acknowledged_before));
  }
  REQUIRE(restores > 50);
}

// A snapshot that is fetched and installed, and what follows it.
TEST_CASE(
    "ZK-1653, ZK-2872, ZK-3642: a server that crashes while it installs a snapshot starts again") {
  const CrashMode mode = GENERATE(CrashMode::kPower, CrashMode::kProcess, CrashMode::kTorn);
  int crashes = 0;
  for (bool crashed = true; crashed; ++crashes) {
    World world({.servers = 3, .diff_transactions_max = 5});
    const ServerId leader = world.Leader(), behind = world.Follower();
    world.Write(leader, "before");
    world.Until([&] { return world.Agree(); });
    world.cluster.server(behind).Crash();
    for (int i = 0; i < 20; ++i) world.Write(leader, "missed" + std::to_string(i));
    bool taken = false;
    world.cluster.server(leader).replica().TakeSnapshot(
        {.timeout = absl::InfiniteDuration()}, [&](absl::StatusOr<Zxid> at) { taken = at.ok(); });
    world.Until([&] { return taken; });
    world.Write(leader, "after the snapshot");
    REQUIRE(world.cluster.server(behind).Start() == absl::OkStatus());
    world.cluster.server(behind).CrashAtDisk(static_cast<uint64_t>(crashes) + 1, mode);
    world.Until([&] { return !world.cluster.server(behind).up() || world.Agree(); });
    crashed = !world.cluster.server(behind).up();
    REQUIRE((crashed || world.notes[behind].restores == 1));
    world.cluster.Heal();
    REQUIRE(world.cluster.server(behind).Start() == absl::OkStatus());
    world.Until([&] { return world.Agree(); });
    CrashAndStart(&world, behind, mode);
    world.Write(leader, "after");
    world.Until([&] { return world.Agree(); });
  }
  REQUIRE(crashes > 10);
}

// --- liveness ---------------------------------------------------------------------------------

TEST_CASE(
    "ZK-2247: a leader that cannot write is replaced, and its write is everywhere or nowhere") {
  const Step fails = GENERATE(Step::kWrite, Step::kSync);
  const bool alone = GENERATE(false, true);  // it alone has the command
  std::optional<absl::Status> outcome;
  World world(3);
  const ServerId failing = world.Leader();
  world.Write(failing, "before");
  std::set<ServerId> others;
  for (const ServerId sid : world.cluster.servers()) {
    if (sid != failing) others.insert(sid);
    if (sid != failing && alone) world.cluster.network().SetPath(failing, sid, {.silent = true});
  }
  // It has sent the command when its disk comes to it.
  world.cluster.server(failing).SlowDisk(absl::Milliseconds(5));
  Ask(&world, failing, "slow");
  world.cluster.RunFor(absl::Milliseconds(1));
  world.cluster.server(failing).FailDisk(fails);
  world.cluster.server(failing).Propose(
      "failed", absl::InfiniteDuration(),
      [&](absl::StatusOr<Reply> reply) { outcome = reply.status(); });
  world.Until([&] { return world.cluster.server(failing).Status().halted; });
  world.Until([&] { return others.contains(world.Leader()) && outcome.has_value(); });
  const ServerId next = world.Leader();
  world.Write(next, "goes on");
  REQUIRE(world.Count(next, "failed") == (alone ? 0 : 1));
  world.cluster.network().Heal();
  CrashAndStart(&world, failing, CrashMode::kPower);
  world.Until([&] { return world.Agree(); });
  world.Write(failing, "takes part again");
}

TEST_CASE("ZK-2201: a snapshot sent into a black hole holds up no write and costs no leader") {
  World world({.servers = 3, .diff_transactions_max = 10},
              [](ReplicaOptions* options) { options->retain_snapshots = 1; });
  Watch watch(&world.cluster);
  const ServerId leader = world.Leader(), hole = world.Follower();
  world.cluster.server(hole).Crash();
  for (int i = 0; i < 100; ++i) world.Write(leader, std::to_string(i) + std::string(20'000, 'x'));
  bool taken = false;
  world.cluster.server(leader).replica().TakeSnapshot(
      {.timeout = absl::InfiniteDuration()}, [&](absl::StatusOr<Zxid> at) { taken = at.ok(); });
  world.Until([&] { return taken; });
  watch.Clear();
  REQUIRE(world.cluster.server(hole).Start() == absl::OkStatus());
  world.Until([&] { return watch.Pieces(hole) > 1; });
  world.cluster.network().SetReading(hole, false);
  const Epoch epoch = world.cluster.server(leader).Status().epoch;
  for (int i = 0; i < 100; ++i) {
    const absl::Duration before = world.cluster.now();
    world.Write(leader, "beside " + std::to_string(i));
    REQUIRE(world.cluster.now() - before < absl::Milliseconds(20));
    world.cluster.RunFor(absl::Milliseconds(100));
  }
  REQUIRE(world.Leader() == leader);
  REQUIRE(world.cluster.server(leader).Status().epoch == epoch);
  REQUIRE(world.notes[hole].restores == 0);
  world.cluster.network().SetReading(hole, true);
  world.Until([&] { return world.Agree(); });
  REQUIRE(world.notes[hole].restores > 0);
}

}  // namespace
}  // namespace zkq::testing
