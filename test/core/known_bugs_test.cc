// What broke ZooKeeper, driven step by step through ensembles of this core. Each case is
// named after the ticket or finding it plays; what must never happen (two leaders, a
// lost or divergent history, an early acknowledgement …) the Ensemble checks by itself.
#include <algorithm>

#include "test/core/ensemble.h"
#include "test/harness/catch.h"

namespace zkq::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kept = Ensemble::Kept;

constexpr ServerId kA{1}, kB{2}, kC{3}, kD{4}, kE{5};
using Commands = std::vector<std::string>;

bool Has(const Commands& commands, const std::string& command) {
  return std::find(commands.begin(), commands.end(), command) != commands.end();
}

// Everybody serves, and the server with the largest id leads: C of three, E of five.
class World : public Ensemble {
 public:
  explicit World(Options options = {}) : Ensemble(options) {
    set_tracing(true);
    Until([this] { return AllServe(); });
    // Whose links come up first decides the first election; so once more, with a bare
    // quorum that has to wait for the largest, the best of equals, until it is the first
    // to reach the others.
    const std::vector<ServerId> all = ids();
    for (int i = 0; i < 20 && Leader() != all.back(); ++i) {
      CrashAll(Kept::kAll);
      Start(all.back());
      for (size_t j = 0; j < all.size() / 2; ++j) Start(all[j]);
      Until([this] { return Leader() != kNoServer; });
    }
    REQUIRE(Leader() == all.back());
    for (ServerId sid : all) Start(sid);
    Until([this] { return AllServe(); });
  }

  void Until(const std::function<bool()>& done, Time limit = seconds(20)) {
    const bool reached = RunUntil(done, limit);
    INFO(Summary());
    REQUIRE(violation() == "");
    REQUIRE(reached);
  }
  void UntilServing(const std::vector<ServerId>& sids) {
    Until([&] {
      return std::all_of(sids.begin(), sids.end(), [this](ServerId sid) { return Serving(sid); });
    });
  }
  void Write(ServerId sid, const std::string& command) {
    const uint64_t call = Propose(sid, command);
    Until([&] { return Outcome(call) == "applied"; });
  }
  void CrashAll(Kept kept) {
    for (ServerId sid : ids()) Crash(sid, kept);
  }
  // Everything is healthy again: all serve, have the same history, and it grows.
  void Settle() {
    crash_before = nullptr;
    drop_if = nullptr;
    lost_if = nullptr;
    for (ServerId sid : ids()) {
      StallDisk(sid, false);
      Start(sid);
    }
    HealAll();
    Until([this] { return AllServe(); }, seconds(150));
    Write(ids().front(), "settled");
    Until([this] { return Agree(); });
  }
  bool Agree() const {
    const Commands first = Applied(kA);
    const std::vector<ServerId> all = ids();
    return Has(first, "settled") &&
           std::all_of(all.begin(), all.end(), [&](ServerId sid) { return Applied(sid) == first; });
  }
  bool Traced(const std::string& part) const {
    return std::any_of(trace().begin(), trace().end(), [&](const std::string& line) {
      return line.find(part) != std::string::npos;
    });
  }
};

// The leader logs a command alone, and steps down: it is durable on its disk, and all
// others, which have not seen it, are down.
void LogAlone(World* world, ServerId leader, const std::string& command) {
  for (ServerId sid : world->ids()) {
    if (sid != leader) world->Crash(sid, Kept::kAll);
  }
  world->Propose(leader, command);
  world->Until([&] { return Has(world->Logged(leader), command); }, milliseconds(40));
}

bool IsWrite(const Effect& effect) {
  return std::holds_alternative<Append>(effect) || std::holds_alternative<Truncate>(effect) ||
         std::holds_alternative<StoreState>(effect) ||
         std::holds_alternative<InstallSnapshot>(effect);
}

// --- synchronisation: history, durability, epoch order -----------------------------

TEST_CASE("ZK-335: what one leader logged alone is cut, not covered by the next one's") {
  World world;
  LogAlone(&world, kC, "orphan");
  world.Crash(kC, Kept::kAll);
  world.Start(kA);
  world.Start(kB);
  world.UntilServing({kA, kB});
  world.Write(kB, "next");
  world.Settle();
  REQUIRE(Has(world.Applied(kC), "next"));
  REQUIRE_FALSE(Has(world.Applied(kC), "orphan"));
  REQUIRE_FALSE(Has(world.Logged(kC), "orphan"));
  REQUIRE(world.Traced("truncate after"));
}

TEST_CASE("ZK-790: a candidate nobody follows gains neither epoch nor zxid by it") {
  World world;
  world.Write(kA, "one");
  const Epoch current = world.DiskState(kC).current;
  world.CrashAll(Kept::kAll);
  // A elects C, and no FollowerInfo reaches it.
  world.drop_if = [](ServerId, ServerId to, const Message& message) {
    return to == kC && std::holds_alternative<FollowerInfo>(message.body);
  };
  world.Start(kA);
  world.Start(kC);
  world.RunFor(seconds(8));
  REQUIRE(world.Traced("3 > role leading discovery"));
  REQUIRE(world.DiskState(kC).current == current);
  REQUIRE(world.View(kC).last.epoch == current);
  world.Settle();
}

TEST_CASE("ZK-790: what is committed survives a candidate that led nobody and lacks it") {
  World world;
  world.Write(kA, "eight");
  world.Crash(kC, Kept::kAll);
  world.UntilServing({kA, kB});
  world.Start(kC);
  world.UntilServing(world.ids());
  REQUIRE(world.Leader() == kB);
  LogAlone(&world, kB, "nine");
  world.Crash(kB, Kept::kAll);
  // A elects C again and again, and never follows it.
  int led = 0;
  world.seen = [&](ServerId sid, const Effect& effect) {
    const auto* changed = std::get_if<RoleChanged>(&effect);
    led += sid == kC && changed != nullptr && changed->role.state == PeerState::kLeading;
  };
  world.drop_if = [](ServerId, ServerId to, const Message& message) {
    return to == kC && std::holds_alternative<FollowerInfo>(message.body);
  };
  world.Start(kA);
  world.Start(kC);
  world.Until([&] { return led >= 3; });
  // C looks on alone, while B and A commit what it lacks. Then it is elected by B, or B by it.
  world.Cut(kA, kC);
  world.Cut(kB, kC);
  world.Start(kB);
  world.UntilServing({kA, kB});
  REQUIRE(Has(world.Applied(kA), "nine"));
  world.Crash(kA, Kept::kAll);
  world.Crash(kB, Kept::kAll);
  world.drop_if = nullptr;
  world.HealAll();
  world.Start(kB);
  world.UntilServing({kB, kC});
  REQUIRE(world.Leader() == kB);
  REQUIRE(Has(world.Applied(kC), "nine"));
  world.Settle();
}

TEST_CASE("ZK-962, ZK-1136, ZK-4685: a server that joins under load misses nothing") {
  World world;
  for (int round = 0; round < 20; ++round) {
    world.Crash(kA);
    for (int i = 0; i < 20; ++i) {
      world.Propose(kC, "r" + std::to_string(round) + "." + std::to_string(i));
      world.RunFor(milliseconds(1));
      if (i == 5) world.Start(kA);
    }
    for (int i = 20; i < 200 && !world.Serving(kA); ++i) {
      world.Propose(kB, "r" + std::to_string(round) + "." + std::to_string(i));
      world.RunFor(milliseconds(1));
    }
  }
  world.Settle();
  REQUIRE_FALSE(world.Traced("session-end gap"));
}

TEST_CASE("ZK-1319: a leader just restarted serves from its log what it does not remember") {
  World world({.window_txns_max = 1});
  world.Crash(kC);
  world.UntilServing({kA, kB});
  for (int i = 0; i < 10; ++i) world.Write(kA, "w" + std::to_string(i));
  world.CrashAll(Kept::kAll);
  world.Start(kA);
  world.Start(kB);
  world.UntilServing({kA, kB});
  world.Start(kC);
  world.Settle();
  REQUIRE(world.Applied(kC).size() == 11);
  REQUIRE(world.Traced("read-log 3"));
}

TEST_CASE("ZK-1367: a whole ensemble restarted comes back with everything") {
  World world;
  for (int i = 0; i < 10; ++i) world.Write(kA, "w" + std::to_string(i));
  const Commands before = world.Applied(kB);
  world.CrashAll(Kept::kNothing);
  for (ServerId sid : world.ids()) world.Start(sid);
  world.UntilServing(world.ids());
  REQUIRE(world.Applied(kB) == before);
  world.Settle();
}

// Also ZK-1653, ZK-2307, ZK-4269: no state that a crash leaves keeps a server from coming
// back; a log that reaches beyond the current epoch is legal.
TEST_CASE("OWN-2: a crash between any two writes of a synchronisation is survived") {
  int crashes = 0;
  for (const Kept kept : {Kept::kNothing, Kept::kAll}) {
    for (int boundary = 0;; ++boundary) {
      World world;
      world.Crash(kA);
      world.Write(kC, "one");
      world.Crash(kC);
      world.Start(kC);  // A new epoch, and entries of the old one to catch up with.
      world.UntilServing({kB, kC});
      world.Write(kC, "two");
      int writes = 0;
      bool crashed = false;
      world.crash_keeps = kept;
      world.crash_before = [&](ServerId sid, const Effect& effect) {
        if (crashed || sid != kA || !IsWrite(effect)) return false;
        crashed = writes++ == boundary;
        return crashed;
      };
      world.Start(kA);
      world.Until([&] { return crashed || world.Serving(kA); });
      world.Settle();
      if (!crashed) break;
      ++crashes;
    }
  }
  REQUIRE(crashes >= 6);  // Promise, history, epoch: three at least, twice.
}

TEST_CASE("ZK-3911, ZK-4646: what followers only took over in memory does not commit") {
  World world;
  LogAlone(&world, kC, "z");
  // C leads again, with z; the moment it applies z, power is lost everywhere.
  world.Start(kA);
  world.Until([&] { return Has(world.Applied(kC), "z"); });
  world.CrashAll(Kept::kNothing);
  world.Start(kA);
  world.Start(kB);
  world.UntilServing({kA, kB});
  REQUIRE(Has(world.Applied(kA), "z"));
  world.Settle();
}

TEST_CASE("ZK-4643: a synchronisation cut short never outranks what is committed") {
  int crashes = 0;
  for (const Kept kept : {Kept::kNothing, Kept::kAll}) {
    for (int boundary = 0;; ++boundary) {
      World world;
      world.Crash(kA);
      world.Write(kC, "committed by B and C");
      world.Crash(kB, Kept::kAll);
      int writes = 0;
      bool crashed = false;
      world.crash_keeps = kept;
      world.crash_before = [&](ServerId sid, const Effect& effect) {
        if (crashed || sid != kA || !IsWrite(effect)) return false;
        crashed = writes++ == boundary;
        return crashed;
      };
      world.Start(kA);  // C synchronises A in the next epoch.
      world.Until([&] { return crashed || world.Serving(kA); });
      world.crash_before = nullptr;
      world.Crash(kC, Kept::kAll);
      world.Start(kA);
      world.Start(kB);
      world.UntilServing({kA, kB});
      REQUIRE(Has(world.Applied(kA), "committed by B and C"));
      REQUIRE(Has(world.Applied(kB), "committed by B and C"));
      world.Settle();
      if (!crashed) break;
      ++crashes;
    }
  }
  REQUIRE(crashes >= 6);
}

TEST_CASE("ZK-2845: a leader that steps down votes with what is on its disk") {
  World world;
  LogAlone(&world, kC, "z");
  world.Until([&] { return world.View(kC).role.state == PeerState::kLooking; });
  // The process lives on, and so does z in its log: it is the better candidate.
  world.Start(kA);
  world.UntilServing({kA, kC});
  REQUIRE(world.Leader() == kC);
  REQUIRE(Has(world.Applied(kA), "z"));
  world.Settle();
}

TEST_CASE("ZK-2845: what others went on without does not come back by a restart") {
  World world;
  LogAlone(&world, kC, "z");
  world.Cut(kA, kC);
  world.Cut(kB, kC);
  world.Start(kA);
  world.Start(kB);
  world.UntilServing({kA, kB});
  world.Write(kA, "without it");
  world.HealAll();
  world.UntilServing(world.ids());
  world.Crash(kC, Kept::kAll);
  world.Start(kC);
  world.Settle();
  REQUIRE_FALSE(Has(world.Logged(kC), "z"));
}

TEST_CASE("ZK-1549, ZK-1558, ZK-4837: a snapshot never holds what was not committed") {
  World world;
  world.Write(kC, "committed");
  LogAlone(&world, kC, "orphan");
  world.Crash(kC, Kept::kAll);
  world.Start(kC);
  // A elects C, and dies before the epoch is found.
  world.Start(kA);
  world.Until([&] { return world.View(kC).role.state == PeerState::kLeading; });
  world.Crash(kA);
  world.Until([&] { return world.View(kC).role.state == PeerState::kLooking; });
  world.SnapshotAndPurge(kC);
  world.Cut(kA, kC);
  world.Cut(kB, kC);
  world.Start(kA);
  world.Start(kB);
  world.UntilServing({kA, kB});
  world.Write(kA, "next");
  world.HealAll();
  world.UntilServing(world.ids());
  world.SnapshotAndPurge(kC);
  world.Crash(kC, Kept::kAll);
  world.Start(kC);
  world.Settle();
  REQUIRE_FALSE(Has(world.Applied(kC), "orphan"));
}

TEST_CASE("ZK-3642: a synchronisation that breaks off leaves nothing half done") {
  for (int moment = 0; moment < 40; ++moment) {
    World world({.window_txns_max = 2, .diff_txns_max = 3});
    world.Crash(kA);
    for (int i = 0; i < 10; ++i) world.Write(kC, "w" + std::to_string(i));
    world.SnapshotAndPurge(kC);
    world.SnapshotAndPurge(kB);
    world.Write(kC, "behind the snapshot");
    bool snap = false;
    world.seen = [&](ServerId sid, const Effect& effect) {
      snap |= sid == kA && std::holds_alternative<FetchSnapshot>(effect);
    };
    world.Start(kA);
    world.Until([&] { return snap; });
    world.RunFor(std::chrono::microseconds(500) * moment);
    world.Crash(kC);  // Its leader is gone; B is the next, and knows A as it is now.
    world.UntilServing({kA, kB});
    world.Write(kB, "more");
    world.Crash(kA);
    world.Start(kA);
    world.Settle();
    REQUIRE(world.Applied(kA).size() == 13);
  }
}

TEST_CASE("ZK-1697: a snapshot may take longer than any limit, as long as it goes on") {
  World world({.window_txns_max = 2, .diff_txns_max = 3, .fetch_reports = 30});
  world.Crash(kA);
  for (int i = 0; i < 10; ++i) world.Write(kC, "w" + std::to_string(i));
  world.SnapshotAndPurge(kC);
  const Time before = world.now();
  world.Start(kA);
  world.Until([&] { return world.Serving(kA); }, seconds(60));
  REQUIRE(world.now() - before > seconds(30));
  REQUIRE(world.now() - before < seconds(35));  // At the first attempt.
  REQUIRE(world.Leader() == kC);
  world.Settle();
}

TEST_CASE("ZK-3023: a server that serves has applied all that was committed before") {
  World world;
  for (int i = 0; i < 20; ++i) {
    world.Crash(kA);
    world.Write(kC, "w" + std::to_string(i));
    const Commands committed = world.Applied(kC);
    world.Start(kA);
    world.Until([&] { return world.Serving(kA); });
    REQUIRE(world.Applied(kA) == committed);
  }
}

TEST_CASE("ZK-4712: a disk that lags is waited for before the next vote") {
  World world;
  world.StallDisk(kA, true);
  world.Write(kC, "z");  // Durable at B and C; A has it only under way.
  world.Crash(kC, Kept::kAll);
  world.RunFor(seconds(5));
  REQUIRE(world.Leader() == kNoServer);  // A asks only, and B is no quorum.
  REQUIRE(world.View(kA).role.state == PeerState::kLooking);
  world.StallDisk(kA, false);
  world.UntilServing({kA, kB});
  REQUIRE(Has(world.Applied(kA), "z"));
  world.Settle();
}

TEST_CASE("ZK-4712: what a lagging disk writes late is part of its next vote") {
  World world;
  world.Crash(kB);
  world.StallDisk(kA, true);
  world.Propose(kC, "z");  // C has it; A has it only under way.
  world.Until([&] { return Has(world.Logged(kC), "z"); });
  world.RunFor(milliseconds(20));
  world.Crash(kC, Kept::kAll);
  world.Start(kB);
  world.RunFor(seconds(2));
  world.StallDisk(kA, false);
  world.UntilServing({kA, kB});
  REQUIRE(Has(world.Logged(kA), "z") == Has(world.Applied(kB), "z"));
  world.Settle();
}

TEST_CASE("ZK-4925: what was synchronised is passed on whole to the next") {
  World world({.servers = 5});
  world.Crash(kA);
  for (int i = 0; i < 10; ++i) world.Write(kE, "foo" + std::to_string(i));
  world.Crash(kD);
  for (int i = 0; i < 10; ++i) world.Write(kE, "bar" + std::to_string(i));
  world.Start(kD);
  world.UntilServing({kB, kC, kD, kE});
  world.Crash(kE);
  world.Crash(kC);
  world.Start(kA);
  world.UntilServing({kA, kB, kD});
  REQUIRE(world.Leader() == kD);
  world.Until([&] { return world.Applied(kA).size() == 20; });
  world.Settle();
}

TEST_CASE("ZK-261, ZK-2325: a wiped disk does not elect who lacks what it had") {
  World world;
  world.Crash(kA);
  world.Write(kC, "committed by B and C");
  world.Wipe(kB);
  world.Crash(kC, Kept::kAll);
  world.Start(kA);
  world.Start(kB);
  world.RunFor(seconds(20));
  REQUIRE(world.Leader() == kNoServer);
  world.Start(kC);
  world.UntilServing({kA, kC});
  REQUIRE(Has(world.Applied(kA), "committed by B and C"));
  REQUIRE(world.View(kB).role.amnesic);
  REQUIRE(world.violation() == "");
}

// --- discovery, leadership, liveness ---------------------------------------------------

TEST_CASE("ZK-1277: a counter that runs out renews the epoch without an election") {
  World world({.rollover_counter = 20});
  const Epoch first = world.View(kC).role.epoch;
  int looked = 0;
  world.seen = [&](ServerId sid, const Effect& effect) {
    const auto* changed = std::get_if<RoleChanged>(&effect);
    looked += sid != kA && changed != nullptr && changed->role.state == PeerState::kLooking;
  };
  for (int i = 0; i < 200; ++i) {
    world.Write(i % 2 == 0 ? kB : kC, "w" + std::to_string(i));
    if (i % 40 == 20) world.Crash(kA);
    if (i % 40 == 30) world.Start(kA);
  }
  REQUIRE(looked == 0);
  REQUIRE(world.Leader() == kC);
  REQUIRE(world.View(kC).role.epoch >= first + 9);
  world.Settle();
}

TEST_CASE("ZK-1277: a renewal is survived with the leader dying at any moment of it") {
  for (int moment = 0; moment < 60; ++moment) {
    World world({.rollover_counter = 3});
    world.Propose(kA, "1");
    world.Propose(kA, "2");
    world.Propose(kC, "3");
    world.Propose(kB, "4");
    world.RunFor(std::chrono::microseconds(700) * moment);
    world.Crash(kC);
    world.UntilServing({kA, kB});
    world.Settle();
    REQUIRE(world.Undecided().empty());
  }
}

TEST_CASE("OWN-4: a voter that promised too much gets in again") {
  World world;
  // C is elected and promises an epoch that nobody ever hears of; twice.
  world.CrashAll(Kept::kAll);
  int promises = 0;
  world.crash_keeps = Kept::kAll;
  world.crash_before = [&](ServerId sid, const Effect& effect) {
    const auto* send = std::get_if<Send>(&effect);
    const bool informs = sid == kC && send != nullptr && promises < 2 &&
                         std::holds_alternative<LeaderInfo>(send->message.body);
    promises += informs;
    return informs;
  };
  world.Start(kA);
  world.Start(kC);
  world.Until([&] { return promises == 1; });
  world.Start(kC);
  world.Until([&] { return promises == 2; });
  const Epoch promised = world.DiskState(kC).accepted.epoch;
  world.Start(kB);
  world.UntilServing({kA, kB});
  REQUIRE(world.View(kB).role.epoch < promised);
  world.Start(kC);
  world.UntilServing(world.ids());
  REQUIRE(world.View(kB).role.epoch > promised);
  world.Settle();
}

TEST_CASE("issue 11, fault 2: one FollowerInfo with the last epoch but one exhausts nothing") {
  World world;
  world.Write(kA, "a history");
  int forged = 0;
  world.forge = [&](ServerId from, ServerId, Message* message) {
    auto* info = std::get_if<FollowerInfo>(&message->body);
    if (from != kA || info == nullptr || forged > 0) return;
    info->accepted.epoch = 0xFFFF'FFFE;
    ++forged;
  };
  const auto highest = [&] {
    Epoch epoch = 0;
    for (ServerId sid : world.ids()) epoch = std::max(epoch, world.DiskState(sid).accepted.epoch);
    return epoch;
  };
  // A leader hears it that is established, and serves on.
  world.Cut(kA, kC);
  world.Until([&] { return !world.Serving(kA); });
  world.Heal(kA, kC);
  world.Until([&] { return forged == 1; });
  world.UntilServing(world.ids());
  REQUIRE(world.Leader() == kC);
  REQUIRE(highest() < 100);
  // Then one that needs this very voter.
  forged = 0;
  world.Crash(kC, Kept::kAll);
  world.UntilServing({kA, kB});
  REQUIRE(forged == 1);
  REQUIRE(highest() < 100);
  REQUIRE(world.Traced("far above"));
  world.forge = nullptr;
  world.Settle();
}

TEST_CASE("issue 11, fault 2: a leader with an absurd epoch is followed by nobody") {
  World world;
  world.Write(kA, "a history");
  const Epoch before = world.DiskState(kA).accepted.epoch;
  world.forge = [&](ServerId from, ServerId, Message* message) {
    auto* info = std::get_if<LeaderInfo>(&message->body);
    if (from != kC || info == nullptr) return;
    info->epoch = 0xFFFF'FFFE;
  };
  // Started before A, C is the best of equals, and elected; then it counts as down.
  world.CrashAll(Kept::kAll);
  world.Start(kC);
  world.Start(kB);
  world.Until([&] { return world.Traced("leads in epoch 4294967294"); });
  world.Start(kA);
  world.UntilServing({kA, kB});
  REQUIRE(world.Leader() == kB);
  REQUIRE(world.DiskState(kA).accepted.epoch <= before + 10);
  world.forge = nullptr;
  world.Settle();
}

TEST_CASE("ZK-2247: a leader whose disk is stuck is replaced") {
  World world;
  world.StallDisk(kC, true);
  world.Propose(kC, "stuck");
  world.Until([&] { return world.Leader() == kB; });
  world.Write(kB, "goes on");
  world.Settle();
}

TEST_CASE("ZK-87, ZK-1521: a follower whose disk is stuck delays nobody") {
  World world;
  world.StallDisk(kA, true);
  for (int i = 0; i < 50; ++i) {
    world.Write(kC, "w" + std::to_string(i));
    world.RunFor(milliseconds(100));
  }
  REQUIRE(world.Leader() == kC);
  REQUIRE(world.Traced("session-end timeout"));
  world.Settle();
}

TEST_CASE("ZK-1675, ZK-2136: a leader that has been left behind answers no read") {
  World world;
  world.Write(kA, "old");
  // Nothing leaves C any more, and nothing reaches it; its links look alive.
  world.lost_if = [](ServerId from, ServerId to) { return from == kC || to == kC; };
  std::vector<uint64_t> reads;
  const auto read_at_c = [&] {
    if (world.View(kC).role.state == PeerState::kLeading) reads.push_back(world.Read(kC));
  };
  for (int i = 0; i < 300 && !(world.Leader() == kB); ++i) {
    read_at_c();
    world.RunFor(milliseconds(10));
  }
  read_at_c();
  world.Write(kB, "new");
  read_at_c();
  world.RunFor(seconds(2));
  REQUIRE_FALSE(reads.empty());
  for (uint64_t read : reads) REQUIRE(world.Outcome(read) == "no-leader");
  world.Cut(kA, kC);
  world.Cut(kB, kC);
  world.Settle();
}

TEST_CASE("ZK-1863: the calls of one server are applied in its order") {
  World world;
  std::map<ServerId, Commands> asked;
  for (int i = 0; i < 50; ++i) {
    for (ServerId sid : world.ids()) {
      asked[sid].push_back(ToString(sid) + "#" + std::to_string(i));
      world.Propose(sid, asked[sid].back());
    }
    if (i % 7 == 0) world.RunFor(milliseconds(1));
  }
  world.Settle();
  for (const auto& [sid, commands] : asked) {
    Commands applied;
    for (const std::string& command : world.Applied(kB)) {
      if (command.starts_with(ToString(sid) + "#")) applied.push_back(command);
    }
    REQUIRE(applied == commands);
  }
}

// --- election ---------------------------------------------------------------------------

TEST_CASE("ZK-1732, ZK-1805: a server that comes late joins an ensemble of several generations") {
  World world({.servers = 5});
  world.Crash(kA);
  world.Crash(kB);
  // Members come and go under a leader that stays: each decided in its own round.
  for (int i = 0; i < 6; ++i) {
    world.Write(kE, "w" + std::to_string(i));
    world.Start(i % 2 == 0 ? kB : kD);
    world.UntilServing({kC, kD, kE});
    world.UntilServing({kB});
    world.Crash(i % 2 == 0 ? kD : kB);
    world.Start(i % 2 == 0 ? kD : kB);
  }
  const Time before = world.now();
  world.Start(kA);
  world.UntilServing({kA});
  REQUIRE(world.now() - before < seconds(2));
  REQUIRE(world.Leader() == kE);
  world.Settle();
}

TEST_CASE("a server cut off from the leader alone disturbs nobody") {
  World world;
  world.Cut(kB, kC);
  world.Until([&] { return world.View(kB).role.state == PeerState::kLooking; });
  for (int i = 0; i < 50; ++i) {
    world.Write(kA, "w" + std::to_string(i));
    world.RunFor(milliseconds(200));
    REQUIRE(world.Leader() == kC);
  }
  world.Settle();
}

TEST_CASE("where all reach one server only, that one leads in the end") {
  World world({.servers = 5});
  for (ServerId a : {kB, kC, kD, kE}) {
    for (ServerId b : {kB, kC, kD, kE}) {
      if (a < b) world.Cut(a, b);
    }
  }
  world.Until([&] { return world.Leader() == kA; }, seconds(60));
  world.Write(kA, "through the middle");
  world.Settle();
}

}  // namespace
}  // namespace zkq::core
