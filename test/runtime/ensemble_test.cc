// Ensembles of replicas in virtual time: what Replica promises, end to end.
#include <algorithm>
#include <set>

#include "test/harness/catch.h"
#include "test/runtime/cluster.h"

namespace zkq::runtime {
namespace {

Outcome OutcomeOf(const absl::Status& status) { return GetErrorInfo(status).outcome; }

TEST_CASE("an ensemble elects, writes on every replica and reads what was written") {
  const int servers = GENERATE(1, 3, 5);
  Cluster cluster(servers);
  cluster.StartAll();
  cluster.AwaitLeader();
  size_t written = 0;
  for (const int id : cluster.ids()) {
    REQUIRE(cluster.at(id).WaitForLeader(absl::Seconds(10)) == absl::OkStatus());
    const auto reply = cluster.at(id).Propose("from " + std::to_string(id));
    REQUIRE(reply.status() == absl::OkStatus());
    REQUIRE(reply->value == std::to_string(++written));
    for (const int reader : cluster.ids()) {
      const auto read = cluster.at(reader).Read("last");
      REQUIRE(read.status() == absl::OkStatus());
      REQUIRE(read->value == "from " + std::to_string(id));
      REQUIRE(read->zxid >= reply->zxid);
    }
  }
  REQUIRE(cluster.AllApplied(written));
  for (const int id : cluster.ids()) REQUIRE(cluster.seen(id).commands == cluster.seen(1).commands);
}

TEST_CASE("a server that restarts has what it missed") {
  Cluster cluster(3);
  cluster.StartAll();
  cluster.AwaitLeader();
  cluster.Write(1, "before");
  const int victim = cluster.Follower();
  const int other = *cluster.Leader();
  cluster.Crash(victim);
  cluster.Write(other, "meanwhile");
  cluster.Start(victim);
  REQUIRE(cluster.AllApplied(2));
  REQUIRE(cluster.seen(victim).commands == std::vector<std::string>{"before", "meanwhile"});
  REQUIRE(cluster.seen(victim).restores == 0);
  for (const int id : cluster.ids()) REQUIRE(cluster.seen(id).snapshots == 0);
}

TEST_CASE("writes that were answered survive a power cut of all") {
  Cluster cluster(3);
  cluster.StartAll();
  cluster.AwaitLeader();
  for (int i = 0; i < 20; ++i) cluster.Write(1 + i % 3, std::to_string(i));
  for (const int id : cluster.ids()) cluster.Crash(id);
  cluster.StartAll();
  cluster.AwaitLeader();
  cluster.Write(2, "after");
  REQUIRE(cluster.AllApplied(21));
  for (const int id : cluster.ids()) {
    REQUIRE(cluster.seen(id).commands.size() == 21);
    REQUIRE(cluster.seen(id).commands[19] == "19");
  }
}

TEST_CASE("a new leader takes over from one that was killed") {
  Cluster cluster(3);
  cluster.StartAll();
  const int first = cluster.AwaitLeader();
  cluster.Write(first, "one");
  cluster.Crash(first);
  const int second = cluster.AwaitLeaderOtherThan(first);
  REQUIRE(cluster.Write(second, "two").value == "2");
  cluster.Start(first);
  REQUIRE(cluster.AllApplied(2));
}

TEST_CASE("a minority commits nothing") {
  Cluster cluster(3);
  cluster.StartAll();
  const int leader = cluster.AwaitLeader();
  cluster.Write(leader, "one");
  for (const int id : cluster.ids()) {
    if (id != leader) cluster.Crash(id);
  }
  const auto lost = cluster.at(leader).Propose("lost", {.timeout = absl::Seconds(1)});
  REQUIRE(!lost.ok());
  const auto later = [&] {
    cluster.Until([&] { return !cluster.at(leader).Status().leader; });
    return cluster.at(leader).Propose("refused");
  }();
  REQUIRE(later.status().code() == absl::StatusCode::kUnavailable);
  REQUIRE(OutcomeOf(later.status()) == Outcome::kNotCommitted);
  REQUIRE(!GetErrorInfo(later.status()).leader);
  REQUIRE(cluster.seen(leader).commands.size() == 1);
}

TEST_CASE("calls that wait over the loss of their leader take effect, each once and in order") {
  const uint64_t seed = GENERATE(range(1, 21));
  Cluster cluster(3, seed);
  cluster.StartAll();
  const int leader = cluster.AwaitLeader();
  const int caller = cluster.Follower();
  std::vector<std::string> commands = {"first"};
  cluster.Write(caller, commands.front());
  std::vector<absl::Status> told;
  for (int i = 0; i < 8; ++i) {
    commands.push_back(std::to_string(i));
    cluster.at(caller).Propose(
        commands.back(), {.timeout = absl::Seconds(30)},
        [&](absl::StatusOr<Reply> reply) { told.push_back(std::move(reply).status()); });
    cluster.scheduler.RunFor(absl::Microseconds(50 * (seed % 10)));
  }
  cluster.Crash(leader);
  REQUIRE(cluster.Until([&] { return told.size() == 8; }));
  for (const absl::Status& status : told) REQUIRE(status == absl::OkStatus());
  REQUIRE(cluster.seen(caller).commands == commands);
}

TEST_CASE("calls through a leader that is cut off take effect once it follows another") {
  const uint64_t seed = GENERATE(range(1, 11));
  Cluster cluster(3, seed);
  cluster.StartAll();
  const int leader = cluster.AwaitLeader();
  cluster.Write(leader, "first");
  cluster.network.Partition({ServerId(leader)});
  std::vector<absl::Status> told;
  const auto done = [&](absl::StatusOr<Reply> reply) { told.push_back(std::move(reply).status()); };
  cluster.at(leader).Propose("second", {.timeout = absl::Seconds(60)}, done);
  cluster.at(leader).Propose("third", {.timeout = absl::Seconds(60)}, done);
  const int next = cluster.AwaitLeaderOtherThan(leader);
  cluster.Write(next, "other");
  cluster.network.Heal();
  REQUIRE(cluster.Until([&] { return told.size() == 2; }));
  REQUIRE(told == std::vector<absl::Status>(2, absl::OkStatus()));
  REQUIRE(cluster.seen(leader).commands ==
          std::vector<std::string>{"first", "other", "second", "third"});
}

TEST_CASE("a call whose time is over before anybody knows its fate does not go again") {
  Cluster cluster(3);
  cluster.StartAll();
  const int leader = cluster.AwaitLeader();
  const int caller = cluster.Follower();
  std::optional<absl::Status> told;
  // Nobody takes it on while there is no quorum.
  cluster.network.Partition({ServerId(caller)});
  cluster.at(caller).Propose(
      "lost", {.timeout = absl::Seconds(3)},
      [&](absl::StatusOr<Reply> reply) { told = std::move(reply).status(); });
  REQUIRE(cluster.Until([&] { return told.has_value(); }));
  REQUIRE(told->code() == absl::StatusCode::kDeadlineExceeded);
  REQUIRE(OutcomeOf(*told) == Outcome::kUnknown);  // it was under way, for all that is known here
  cluster.network.Heal();
  cluster.Write(caller, "kept");
  REQUIRE(cluster.Until([&] { return cluster.seen(leader).commands.size() == 1; }));
  REQUIRE(cluster.seen(leader).commands.back() == "kept");
}

TEST_CASE("sequential reads wait for what they must see, local ones for nothing") {
  Cluster cluster(3);
  cluster.StartAll();
  cluster.AwaitLeader();
  const Reply written = cluster.Write(1, "x");
  for (const int id : cluster.ids()) {
    const auto read = cluster.at(id).Read(
        "last", {.consistency = Consistency::kSequential, .at_least = written.zxid});
    REQUIRE(read.status() == absl::OkStatus());
    REQUIRE(read->value == "x");
  }
  const auto future =
      cluster.at(2).Read("last", {.timeout = absl::Milliseconds(300),
                                  .consistency = Consistency::kSequential,
                                  .at_least = {written.zxid.epoch, written.zxid.counter + 100}});
  REQUIRE(future.status().code() == absl::StatusCode::kDeadlineExceeded);
  REQUIRE(OutcomeOf(future.status()) == Outcome::kNotCommitted);

  const int follower = cluster.Follower();
  const ReadOptions fresh{.consistency = Consistency::kLocal, .max_staleness = absl::Seconds(1)};
  REQUIRE(cluster.at(follower).Read("last", fresh)->value == "x");
  cluster.network.Partition({ServerId(follower)});
  cluster.scheduler.RunFor(absl::Seconds(5));
  REQUIRE(cluster.at(follower).Read("last", fresh).status().code() ==
          absl::StatusCode::kUnavailable);
  REQUIRE(cluster.at(follower).Read("last", {.consistency = Consistency::kLocal})->value == "x");
  REQUIRE(cluster.at(follower).Read("last").status().code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("a Query's own status passes through") {
  Cluster cluster(1);
  cluster.StartAll();
  cluster.AwaitLeader();
  REQUIRE(cluster.at(1).Read("nothing").status() == absl::NotFoundError("no such thing"));
}

TEST_CASE("a server that lags too far gets a snapshot, and goes on from there") {
  Cluster cluster(3);
  cluster.adjust = [](ReplicaOptions* o) {
    o->snapshot_every_transactions = 50;
    o->retain_snapshots = 1;
  };
  cluster.StartAll();
  cluster.AwaitLeader();
  cluster.Write(1, "first");
  REQUIRE(cluster.AllApplied(1));
  const int behind = cluster.Follower();
  cluster.Crash(behind);
  const int writer = cluster.AwaitLeaderOtherThan(behind);
  const std::string filler(1000, 'x');
  for (int i = 0; i < 400; ++i) cluster.Write(writer, filler + std::to_string(i));
  cluster.Start(behind);
  REQUIRE(cluster.AllApplied(401));
  REQUIRE(cluster.seen(behind).restores > 0);
  REQUIRE(cluster.seen(behind).commands == cluster.seen(writer).commands);
  cluster.Write(behind, "last");
  REQUIRE(cluster.AllApplied(402));
  cluster.Crash(behind);
  cluster.Start(behind);
  REQUIRE(cluster.AllApplied(402));
}

TEST_CASE("a restart goes on from the newest snapshot") {
  Cluster cluster(1);
  cluster.StartAll();
  cluster.AwaitLeader();
  for (int i = 0; i < 10; ++i) cluster.Write(1, std::to_string(i));
  std::optional<absl::StatusOr<Zxid>> taken;
  cluster.at(1).TakeSnapshot({.timeout = absl::InfiniteDuration()},
                             [&](absl::StatusOr<Zxid> zxid) { taken = zxid; });
  REQUIRE(cluster.Until([&] { return taken.has_value(); }));
  REQUIRE(taken->status() == absl::OkStatus());
  REQUIRE(cluster.at(1).Status().last_snapshot == **taken);
  cluster.Write(1, "after");
  cluster.Crash(1);
  cluster.Start(1);
  REQUIRE(cluster.seen(1).restores == 1);
  REQUIRE(cluster.AllApplied(11));
  REQUIRE(cluster.seen(1).commands.back() == "after");
}

TEST_CASE("a snapshot of a state that has one is not written again") {
  Cluster cluster(1);
  cluster.StartAll();
  cluster.AwaitLeader();
  int answered = 0;
  const auto take = [&] {
    cluster.at(1).TakeSnapshot({.timeout = absl::InfiniteDuration()},
                               [&](absl::StatusOr<Zxid> zxid) { answered += zxid.ok() ? 1 : 100; });
  };
  take();  // nothing is applied yet
  REQUIRE(cluster.Until([&] { return answered == 100; }));
  cluster.Write(1, "x");
  take();
  take();
  REQUIRE(cluster.Until([&] { return answered == 102; }));
  REQUIRE(cluster.seen(1).snapshots == 1);
}

TEST_CASE("a snapshot that fails leaves everything as it was") {
  Cluster cluster(1);
  cluster.StartAll();
  cluster.AwaitLeader();
  cluster.Write(1, "x");
  cluster.disk(1).Observe([](const testing::MemoryFileSystem::Operation& operation) {
    const bool snapshot = operation.path.find("snapshot") != std::string::npos;
    return snapshot ? testing::MemoryFileSystem::Verdict::kFail
                    : testing::MemoryFileSystem::Verdict::kProceed;
  });
  std::vector<absl::Status> results;
  const auto take = [&] {
    const size_t before = results.size();
    cluster.at(1).TakeSnapshot(
        {.timeout = absl::InfiniteDuration()},
        [&](absl::StatusOr<Zxid> zxid) { results.push_back(zxid.status()); });
    REQUIRE(cluster.Until([&] { return results.size() > before; }));
  };
  take();
  REQUIRE(!results[0].ok());
  REQUIRE(cluster.at(1).Status().health.ok());
  REQUIRE(cluster.at(1).Status().last_snapshot == Zxid{});
  cluster.Write(1, "y");
  cluster.disk(1).Observe(nullptr);
  take();
  REQUIRE(results[1].ok());
}

TEST_CASE("a Restore that fails is an error of the start") {
  Cluster cluster(1);
  cluster.StartAll();
  cluster.AwaitLeader();
  cluster.Write(1, "x");
  bool taken = false;
  cluster.at(1).TakeSnapshot({.timeout = absl::InfiniteDuration()},
                             [&](absl::StatusOr<Zxid> zxid) { taken = zxid.ok(); });
  REQUIRE(cluster.Until([&] { return taken; }));
  REQUIRE(cluster.Shutdown(1) == absl::OkStatus());
  struct Refusing final : StateMachine {
    absl::StatusOr<std::string> Apply(const Transaction&) override { return ""; }
    absl::StatusOr<std::string> Query(std::string_view) override { return ""; }
    absl::StatusOr<SnapshotJob> Snapshot() override { return absl::InternalError(""); }
    absl::Status Restore(SnapshotReader&) override { return absl::NotFoundError("not mine"); }
  };
  cluster.adjust = [](ReplicaOptions* o) { o->state_machine = std::make_unique<Refusing>(); };
  REQUIRE(cluster.TryStart(1) == absl::NotFoundError("not mine"));
  cluster.adjust = nullptr;
  cluster.Start(1);
}

// A machine with a disk of its own, which here never loses anything.
class OwnDisk final : public StateMachine {
 public:
  struct Disk {
    Zxid applied = {};
    std::vector<std::string> commands = {};
    int restores = 0;
  };
  explicit OwnDisk(Disk* disk) : disk_(*disk) {}
  absl::StatusOr<Zxid> Open() override { return disk_.applied; }
  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    REQUIRE(txn.zxid > disk_.applied);
    disk_.applied = txn.zxid;
    disk_.commands.emplace_back(txn.command);
    return "";
  }
  absl::StatusOr<std::string> Query(std::string_view) override { return ""; }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    return SnapshotJob([count = disk_.commands.size()](SnapshotWriter& out) {
      return out.WriteRecord(std::to_string(count));
    });
  }
  absl::Status Restore(SnapshotReader&) override {
    ++disk_.restores;
    return absl::OkStatus();
  }

 private:
  Disk& disk_;
};

TEST_CASE("a machine with a disk of its own goes on after what it has applied") {
  Cluster cluster(1);
  OwnDisk::Disk own;
  cluster.adjust = [&](ReplicaOptions* o) { o->state_machine = std::make_unique<OwnDisk>(&own); };
  cluster.StartAll();
  cluster.AwaitLeader();
  for (int life = 0; life < 4; ++life) {
    cluster.Write(1, std::to_string(3 * life));
    cluster.Write(1, std::to_string(3 * life + 1));
    bool taken = false;
    cluster.at(1).TakeSnapshot({.timeout = absl::InfiniteDuration()},
                               [&](absl::StatusOr<Zxid> zxid) { taken = zxid.ok(); });
    REQUIRE(cluster.Until([&] { return taken; }));
    cluster.Write(1, std::to_string(3 * life + 2));
    cluster.Crash(1);
    cluster.Start(1);
    cluster.AwaitLeader();
  }
  REQUIRE(own.restores == 0);
  REQUIRE(own.commands.size() == 12);
  for (int i = 0; i < 12; ++i) REQUIRE(own.commands[i] == std::to_string(i));
  REQUIRE(cluster.Shutdown(1) == absl::OkStatus());
  own.applied.counter += 1000;
  REQUIRE(cluster.TryStart(1).code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("events tell of leaders and snapshots") {
  Cluster cluster(3);
  cluster.StartAll();
  std::vector<Event::Kind> kinds;
  std::optional<ServerId> leader;
  const Subscription subscription = cluster.at(1).Subscribe([&](const Event& event) {
    kinds.push_back(event.kind);
    leader = event.status.leader;
  });
  cluster.AwaitLeader();
  REQUIRE(cluster.Until([&] { return leader.has_value(); }));
  REQUIRE(std::count(kinds.begin(), kinds.end(), Event::Kind::kLeaderChanged) > 0);
  cluster.Write(1, "x");
  cluster.at(1).TakeSnapshot({.timeout = absl::InfiniteDuration()}, [](absl::StatusOr<Zxid>) {});
  REQUIRE(cluster.Until(
      [&] { return std::count(kinds.begin(), kinds.end(), Event::Kind::kSnapshotTaken) == 1; }));
}

TEST_CASE("the status tells how long the last sync took") {
  Cluster cluster(1);
  cluster.StartAll();
  cluster.AwaitLeader();
  cluster.disk(1).Observe([&](const testing::MemoryFileSystem::Operation& operation) {
    if (operation.step == testing::MemoryFileSystem::Step::kSync) {
      cluster.scheduler.Charge(absl::Milliseconds(3));
    }
    return testing::MemoryFileSystem::Verdict::kProceed;
  });
  cluster.Write(1, "x");
  REQUIRE(cluster.at(1).Status().last_sync_latency == absl::Milliseconds(3));
}

TEST_CASE("a replica without a state machine elects, and takes no calls") {
  Cluster cluster(3);
  cluster.adjust = [](ReplicaOptions* o) { o->state_machine = nullptr; };
  cluster.StartAll();
  const int leader = cluster.AwaitLeader();
  REQUIRE(cluster.at(leader).Propose("x").status().code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE(cluster.at(leader).Read("x").status().code() == absl::StatusCode::kFailedPrecondition);
  cluster.Crash(leader);
  cluster.AwaitLeaderOtherThan(leader);
}

TEST_CASE("a command as large as may be is taken") {
  constexpr size_t kLargest = 64 << 20;
  Cluster cluster(1);
  cluster.adjust = [](ReplicaOptions* o) {
    o->max_command_bytes = kLargest;
    o->max_outstanding_bytes = kLargest + 256;
  };
  cluster.StartAll();
  cluster.AwaitLeader();
  REQUIRE(cluster.at(1).Propose(std::string(kLargest, 'x')).status() == absl::OkStatus());
}

TEST_CASE("calls above max_outstanding_bytes are refused before anything happens") {
  Cluster cluster(3);
  cluster.adjust = [](ReplicaOptions* o) {
    o->max_outstanding_bytes = 10'000;
    o->max_command_bytes = 5'000;
  };
  cluster.StartAll();
  const int id = cluster.AwaitLeader();
  int done = 0, refused = 0;
  for (int i = 0; i < 100; ++i) {
    cluster.at(id).Propose(std::string(1000, 'x'), {}, [&](absl::StatusOr<Reply> reply) {
      if (reply.ok()) {
        ++done;
      } else {
        ++refused;
        REQUIRE(reply.status().code() == absl::StatusCode::kResourceExhausted);
        REQUIRE(OutcomeOf(reply.status()) == Outcome::kNotCommitted);
        REQUIRE(GetErrorInfo(reply.status()).retry_after > absl::ZeroDuration());
      }
    });
  }
  REQUIRE(cluster.at(id).Status().outstanding_bytes <= 10'000);
  REQUIRE(cluster.at(id).Status().outstanding_bytes > 5'000);
  REQUIRE(cluster.Until([&] { return done + refused == 100; }));
  REQUIRE(done > 0);
  REQUIRE(refused > 0);
  REQUIRE(cluster.at(id).Status().outstanding_bytes == 0);
  REQUIRE(cluster.seen(id).commands.size() == static_cast<size_t>(done));
  REQUIRE(cluster.at(id).Propose(std::string((1 << 20) + 1, 'x')).status().code() ==
          absl::StatusCode::kInvalidArgument);
}

TEST_CASE("a snapshot is taken in either form, and goes on when the call's time is over") {
  Cluster cluster(1);
  cluster.StartAll();
  cluster.AwaitLeader();
  REQUIRE(cluster.at(1).TakeSnapshot().status().code() == absl::StatusCode::kFailedPrecondition);
  const Zxid last = cluster.Write(1, "one").zxid;
  const absl::StatusOr<Zxid> late = cluster.at(1).TakeSnapshot({.timeout = absl::ZeroDuration()});
  REQUIRE(late.status().code() == absl::StatusCode::kDeadlineExceeded);
  REQUIRE(cluster.Until([&] { return cluster.at(1).Status().last_snapshot == last; }));
  REQUIRE(*cluster.at(1).TakeSnapshot() == last);
}

// --- what a status says ----------------------------------------------------------------

TEST_CASE(
    "a member is ready once it is as fresh as its limits allow, and says when it is no more") {
  Cluster cluster(3);
  cluster.Start(1);
  const absl::Status early = cluster.at(1).WaitUntilReady(absl::Seconds(1));
  REQUIRE(early.code() == absl::StatusCode::kUnavailable);
  std::vector<bool> told;
  const Subscription subscription = cluster.at(1).Subscribe([&](const Event& event) {
    if (event.kind == Event::Kind::kReadyChanged) told.push_back(event.status.ready.ok());
  });
  cluster.Start(2);
  cluster.Start(3);
  REQUIRE(cluster.at(1).WaitUntilReady(absl::Seconds(10)) == absl::OkStatus());
  REQUIRE(cluster.at(1).Status().staleness < absl::Seconds(1));
  cluster.network.Partition({ServerId(1)});
  REQUIRE(cluster.Until([&] { return told == std::vector{true, false}; }));
  REQUIRE(!cluster.at(1).Status().ready.ok());
}

TEST_CASE("a subscription begins with an event, though nothing changes") {
  Cluster cluster(1);
  cluster.StartAll();
  cluster.AwaitLeader();
  cluster.scheduler.RunFor(absl::Seconds(1));
  int first = 0;
  int second = 0;
  const Subscription one = cluster.at(1).Subscribe(
      [&](const Event& event) { first += event.status.leads.has_value() ? 1 : 0; });
  REQUIRE(cluster.Until([&] { return first == 1; }));
  const Subscription two = cluster.at(1).Subscribe([&](const Event&) { ++second; });
  REQUIRE(cluster.Until([&] { return second == 1; }));
  REQUIRE(first == 1);
}

TEST_CASE(
    "a leader tells of each learner how far it is, and a server cut off why it is not linked") {
  Cluster cluster(3);
  cluster.StartAll();
  const int leader = cluster.AwaitLeader();
  const int follower = cluster.Follower();
  cluster.Write(leader, "one");
  const auto link = [&](int of) {
    const ReplicaStatus status = cluster.at(leader).Status();
    for (const LinkStatus& one : status.links) {
      if (one.id == ServerId(of)) return one;
    }
    return LinkStatus{};
  };
  const Zxid last = cluster.at(leader).Status().last_applied;
  REQUIRE(cluster.Until([&] { return link(follower).applied == last; }));
  REQUIRE(cluster.Until([&] { return link(follower).caught_up; }));
  REQUIRE(link(follower).up);
  REQUIRE(link(follower).transactions_behind == 0);
  cluster.network.Partition({ServerId(follower)});
  REQUIRE(cluster.Until([&] { return !link(follower).up; }));
  REQUIRE(!link(follower).error.ok());
}

TEST_CASE("a link that has come or gone is told at once, though nothing else happens") {
  Cluster cluster(3);
  cluster.adjust = [](ReplicaOptions* o) { o->tick = absl::Seconds(20); };
  cluster.StartAll();
  const int leader = cluster.AwaitLeader();
  const auto linked = [&](std::ptrdiff_t servers) {
    const std::vector<LinkStatus> links = cluster.at(leader).Status().links;
    return std::count_if(links.begin(), links.end(),
                         [](const LinkStatus& link) { return link.up; }) == servers;
  };
  CHECK(linked(2));
  cluster.Crash(leader == 1 ? 2 : 1);
  CHECK(cluster.Until([&] { return linked(1); }, absl::Milliseconds(50)));
}

// --- what goes wrong on one replica stays there -------------------------------------

TEST_CASE("an Apply that fails halts its replica and no other") {
  Cluster cluster(3);
  cluster.StartAll();
  const int leader = cluster.AwaitLeader();
  const int victim = cluster.Follower();
  cluster.Write(leader, "one");
  std::vector<Event::Kind> kinds;
  const Subscription subscription =
      cluster.at(victim).Subscribe([&](const Event& event) { kinds.push_back(event.kind); });
  cluster.seen(victim).poison = "two";
  cluster.Write(leader, "two");
  REQUIRE(cluster.Until([&] { return cluster.at(victim).Status().halted; }));
  REQUIRE(cluster.at(victim).Status().health.code() == absl::StatusCode::kInternal);
  REQUIRE(cluster.at(victim).Status().halted);
  REQUIRE(!cluster.at(leader).Status().halted);
  REQUIRE(cluster.Until(
      [&] { return std::count(kinds.begin(), kinds.end(), Event::Kind::kHealthChanged) == 1; }));
  const absl::Status told = cluster.at(victim).Propose("x").status();
  REQUIRE(told.code() == absl::StatusCode::kInternal);
  REQUIRE(OutcomeOf(told) == Outcome::kNotCommitted);
  REQUIRE(cluster.at(victim).WaitForLeader(absl::Seconds(1)).code() == absl::StatusCode::kInternal);
  cluster.Write(leader, "three");
  REQUIRE(cluster.seen(victim).commands == std::vector<std::string>{"one"});
  REQUIRE(cluster.Shutdown(victim) == absl::OkStatus());
  cluster.seen(victim).poison = "";
  cluster.Start(victim);
  REQUIRE(cluster.AllApplied(3));
}

TEST_CASE("a leader that halts or is shut down says that it leads no more") {
  const bool halts = GENERATE(true, false);
  Cluster cluster(3);
  cluster.StartAll();
  const int leader = cluster.AwaitLeader();
  std::set<Event::Kind> kinds;
  PeerState told = PeerState::kLeading;
  const Subscription subscription = cluster.at(leader).Subscribe([&](const Event& event) {
    kinds.insert(event.kind);
    told = event.status.state;
  });
  if (halts) {
    cluster.seen(leader).poison = "two";
    (void)cluster.at(leader).Propose("two");
  } else {
    REQUIRE(cluster.Shutdown(leader) == absl::OkStatus());
  }
  const bool both = cluster.Until([&] {
    return kinds.contains(Event::Kind::kRoleChanged) && kinds.contains(Event::Kind::kLeaderChanged);
  });
  REQUIRE(both);
  REQUIRE(told == PeerState::kLooking);
  if (halts) REQUIRE(cluster.at(leader).Status().state == PeerState::kLooking);
}

TEST_CASE("a disk that fails halts its replica, and what waited is told so") {
  Cluster cluster(3);
  cluster.StartAll();
  const int leader = cluster.AwaitLeader();
  cluster.Write(leader, "one");
  cluster.disk(leader).Observe([](const testing::MemoryFileSystem::Operation& operation) {
    return operation.step == testing::MemoryFileSystem::Step::kSync
               ? testing::MemoryFileSystem::Verdict::kFail
               : testing::MemoryFileSystem::Verdict::kProceed;
  });
  const auto lost = cluster.at(leader).Propose("two");
  if (!lost.ok()) {
    REQUIRE(lost.status().code() == absl::StatusCode::kInternal);
    REQUIRE(OutcomeOf(lost.status()) == Outcome::kUnknown);
  }
  REQUIRE(cluster.Until([&] { return cluster.at(leader).Status().halted; }));
  const int next = cluster.AwaitLeaderOtherThan(leader);
  cluster.Write(next, "three");
}

TEST_CASE("a full disk halts its replica, whose calls say for want of what") {
  Cluster cluster(3);
  cluster.StartAll();
  const int leader = cluster.AwaitLeader();
  cluster.Write(leader, "one");
  cluster.disk(leader).SetCapacity(1);
  const auto lost = cluster.at(leader).Propose(std::string(200'000, 'x'));  // a new segment
  REQUIRE(!lost.ok());
  REQUIRE(cluster.Until([&] { return cluster.at(leader).Status().halted; }));
  REQUIRE(cluster.at(leader).Propose("three").status().code() ==
          absl::StatusCode::kResourceExhausted);
  cluster.AwaitLeaderOtherThan(leader);
}

TEST_CASE("a data directory is not shared, and not another server's") {
  Cluster cluster(3);
  cluster.StartAll();
  cluster.AwaitLeader();
  REQUIRE(cluster.Shutdown(1) == absl::OkStatus());
  cluster.adjust = [](ReplicaOptions* o) {
    if (o->id == ServerId{1}) o->id = ServerId{2};
  };
  REQUIRE(cluster.TryStart(1).code() == absl::StatusCode::kFailedPrecondition);
  cluster.adjust = nullptr;
  cluster.Start(1);
}

TEST_CASE("a founded server goes by the agreed members, whatever its options list") {
  Cluster cluster(3);
  cluster.StartAll();
  cluster.AwaitLeader();
  REQUIRE(cluster.Shutdown(1) == absl::OkStatus());
  cluster.adjust = [](ReplicaOptions* o) { o->members.push_back({.id = ServerId{4}}); };
  REQUIRE(cluster.TryStart(1) == absl::OkStatus());
  cluster.AwaitLeader();
  REQUIRE(cluster.at(1).Status().membership.members.size() == 3);
}

// --- the end ------------------------------------------------------------------------------

TEST_CASE("Shutdown lets the calls that wait finish, and refuses new ones") {
  Cluster cluster(3);
  cluster.StartAll();
  const int id = cluster.AwaitLeader();
  int done = 0;
  for (int i = 0; i < 10; ++i) {
    cluster.at(id).Propose("x", {}, [&](absl::StatusOr<Reply> reply) { done += reply.ok(); });
  }
  REQUIRE(cluster.at(id).Shutdown(absl::Seconds(5)) == absl::OkStatus());
  REQUIRE(done == 10);
  REQUIRE(cluster.at(id).Shutdown(absl::Seconds(5)) == absl::OkStatus());
  REQUIRE(cluster.at(id).Propose("late").status().code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE(cluster.at(id).WaitForLeader(absl::Seconds(1)).code() ==
          absl::StatusCode::kFailedPrecondition);
  bool told = false;
  cluster.at(id).Propose("late", {}, [&](absl::StatusOr<Reply>) { told = true; });
  REQUIRE(told);
  cluster.AwaitLeaderOtherThan(id);
}

// Without a batch after it, damage to the last one looks like a write that power cut short.
TEST_CASE("after a Shutdown, damage to the last write is noticed") {
  Cluster cluster(1);
  cluster.StartAll();
  cluster.AwaitLeader();
  cluster.Write(1, "the last word");
  REQUIRE(cluster.Shutdown(1) == absl::OkStatus());
  int damaged = 0;
  for (const std::string& path : cluster.disk(1).Files()) {
    std::string contents = *cluster.disk(1).Contents(path);
    const size_t at = contents.rfind("the last word");
    if (at == std::string::npos) continue;
    contents[at] ^= 1;
    cluster.disk(1).SetContents(path, std::move(contents));
    ++damaged;
  }
  REQUIRE(damaged == 1);
  REQUIRE(cluster.TryStart(1).code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("Shutdown ends what cannot finish, and says whether it may have happened") {
  Cluster cluster(3);
  cluster.StartAll();
  const int leader = cluster.AwaitLeader();
  for (const int id : cluster.ids()) {
    if (id != leader) cluster.Crash(id);
  }
  std::vector<absl::Status> results;
  bool on_strand = false;
  cluster.at(leader).Propose("x", {.timeout = absl::InfiniteDuration()},
                             [&](absl::StatusOr<Reply> r) {
                               results.push_back(r.status());
                               on_strand = cluster.scheduler.InTask();
                             });
  REQUIRE(cluster.at(leader).Shutdown(absl::Milliseconds(100)) == absl::OkStatus());
  REQUIRE(results.size() == 1);
  REQUIRE(results[0].code() == absl::StatusCode::kCancelled);
  REQUIRE(OutcomeOf(results[0]) == Outcome::kUnknown);
  REQUIRE(on_strand);  // as any callback, since the strand is free
}

TEST_CASE("a replica may be shut down at any moment of its life, and started again") {
  Cluster cluster(3);
  cluster.StartAll();
  testing::SimRandom random(7);
  for (int round = 0; round < 30; ++round) {
    const int id = 1 + static_cast<int>(random.Below(3));
    int called = 0;
    constexpr int kCalls = 5;
    for (int i = 0; i < kCalls; ++i) {
      cluster.at(id).Propose("x", {}, [&](absl::StatusOr<Reply>) { ++called; });
    }
    cluster.scheduler.RunFor(absl::Milliseconds(random.Below(50)));
    REQUIRE(cluster.Shutdown(id, absl::Milliseconds(random.Below(20))) == absl::OkStatus());
    REQUIRE(called == kCalls);
    cluster.Start(id);
    cluster.scheduler.RunFor(absl::Milliseconds(random.Below(1000)));
  }
  cluster.AwaitLeader();
  cluster.Write(1, "alive");
}

TEST_CASE("every callback is called exactly once, whatever crashes") {
  const uint64_t seed = GENERATE(range(1, 11));
  Cluster cluster(3, seed);
  cluster.adjust = [](ReplicaOptions* o) { o->snapshot_every_transactions = 40; };
  cluster.StartAll();
  testing::SimRandom random(seed);
  std::vector<int> called;
  std::vector<std::string> acknowledged, refuted;
  const auto propose = [&](int id) {
    const size_t number = called.size();
    called.push_back(0);
    const std::string command = std::to_string(number);
    cluster.at(id).Propose(command, {.timeout = absl::Seconds(3)},
                           [&, number, command](absl::StatusOr<Reply> reply) {
                             ++called[number];
                             if (reply.ok()) {
                               acknowledged.push_back(command);
                             } else if (OutcomeOf(reply.status()) == Outcome::kNotCommitted) {
                               refuted.push_back(command);
                             }
                           });
  };
  for (int step = 0; step < 400; ++step) {
    const int id = 1 + static_cast<int>(random.Below(3));
    if (!cluster.up(id)) {
      cluster.Start(id);
    } else if (random.Below(20) == 0) {
      cluster.Crash(id);
    } else {
      propose(id);
    }
    cluster.scheduler.RunFor(absl::Milliseconds(random.Below(40)));
  }
  cluster.StartAll();
  cluster.AwaitLeader();
  cluster.Write(1, "the end");
  REQUIRE(cluster.Until([&] { return std::count(called.begin(), called.end(), 0) == 0; }));
  REQUIRE(std::count(called.begin(), called.end(), 1) == static_cast<int>(called.size()));
  REQUIRE(cluster.Until([&] {
    return cluster.seen(1).commands == cluster.seen(2).commands &&
           cluster.seen(2).commands == cluster.seen(3).commands &&
           cluster.seen(3).commands.back() == "the end";
  }));
  const std::multiset<std::string> applied(cluster.seen(1).commands.begin(),
                                           cluster.seen(1).commands.end());
  REQUIRE(!acknowledged.empty());
  for (const std::string& command : acknowledged) REQUIRE(applied.count(command) == 1);
  for (const std::string& command : refuted) REQUIRE(applied.count(command) == 0);
}

}  // namespace
}  // namespace zkq::runtime
