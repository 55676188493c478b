// Each state that can last: a real ensemble is brought into it and held there, and its status, its
// health and its log say what it is. Then the state ends, and everybody is well again.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "test/harness/catch.h"
#include "test/runtime/cluster.h"

namespace zkq::runtime {
namespace {

using testing::MemoryFileSystem;

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool Has(const absl::Status& status, std::string_view part) {
  return Has(std::string(status.message()), part);
}

std::string Text(const absl::Status& status) { return status.ToString(); }

// What one server's machine is held up by: in virtual time, as if its calls took so long.
struct Pace {
  absl::Duration slow = absl::ZeroDuration();  // Apply of "slow"
  absl::Duration record = absl::ZeroDuration();
  std::function<void()> in_restore = [] {};
};

class PacedMachine final : public StateMachine {
 public:
  PacedMachine(const Pace* pace, testing::SimScheduler* scheduler)
      : pace_(*pace), scheduler_(*scheduler) {}
  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    if (txn.command == "slow") scheduler_.Charge(pace_.slow);
    return "";
  }
  absl::StatusOr<std::string> Query(std::string_view) override { return ""; }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    return [](SnapshotWriter& out) {
      absl::Status status;
      for (int i = 0; i < 10; ++i) status.Update(out.WriteRecord(std::string(1000, 'r')));
      return status;
    };
  }
  absl::Status Restore(SnapshotReader& in) override {
    for (std::string record;;) {
      absl::StatusOr<bool> more = in.ReadRecord(&record);
      if (!more.ok() || !*more) return more.status();
      scheduler_.Charge(pace_.record);
      pace_.in_restore();
    }
  }

 private:
  const Pace& pace_;
  testing::SimScheduler& scheduler_;
};

// Three servers, 1 at db1:7001 and so on.
struct Held : Cluster {
  Held() : Cluster(3) {
    adjust = [this](ReplicaOptions* options) {
      const auto id = static_cast<int>(ToInt(options->id));
      for (Member& member : options->members) {
        const std::string number = ToString(member.id);
        member.address = "db" + number + ":700" + number;
      }
      clocks[id] = std::static_pointer_cast<testing::SimClock>(options->env.clock);
      options->state_machine = std::make_unique<PacedMachine>(&paces[id], &scheduler);
      options->log_segment_bytes = 16 << 10;
      options->retain_snapshots = 1;
      if (adjust_more) adjust_more(options);
    };
  }
  int StartAndLead() {
    StartAll();
    const int leader = AwaitLeader();
    AllWell();
    return leader;
  }
  int Other(int than) { return than == 1 ? 2 : 1; }
  ReplicaStatus Status(int id) { return at(id).Status(); }
  LinkStatus Link(int id, int to) {
    for (const LinkStatus& link : Status(id).links) {
      if (link.id == ServerId(to)) return link;
    }
    return {};
  }

  void IsIll(int id, std::string_view how) {
    INFO("server " << id << ": " << how << "\nis: " << Text(Status(id).health));
    REQUIRE(Until([&] { return Has(Status(id).health, how); }));
  }
  void IsWell(int id) {
    INFO("server " << id << ": " << Text(Status(id).health) << ", " << Text(Status(id).ready));
    REQUIRE(Until([&] { return Status(id).health.ok() && Status(id).ready.ok(); }));
  }
  void AllWell() {
    for (const int id : ids()) {
      if (up(id)) IsWell(id);
    }
  }
  void Logged(int id, Line line, std::string_view what) {
    INFO("server " << id << " has not said " << InfoOf(line).name << " with: " << what);
    REQUIRE(Until([&] {
      for (const std::string& text : Said(id, line)) {
        if (Has(text, what)) return true;
      }
      return false;
    }));
  }
  void WriteMany(int id, int writes, size_t bytes = 0) {
    for (int i = 0; i < writes; ++i) Write(id, std::string(bytes, 'x') + std::to_string(i));
  }
  // One write after the other.
  void WriteUntil(int id, absl::FunctionRef<bool()> done) {
    REQUIRE(Until([&] {
      Write(id, "again");
      return done();
    }));
  }
  void TakeSnapshot(int id) {
    bool taken = false;
    at(id).TakeSnapshot({.timeout = absl::InfiniteDuration()},
                        [&](absl::StatusOr<Zxid> at) { taken = at.ok(); });
    REQUIRE(Until([&] { return taken; }));
  }
  void SlowSyncs(int id, absl::Duration each) {
    disk(id).Observe([this, each](const MemoryFileSystem::Operation& operation) {
      if (operation.step == MemoryFileSystem::Step::kSync) scheduler.Charge(each);
      return MemoryFileSystem::Verdict::kProceed;
    });
  }

  std::map<int, std::shared_ptr<testing::SimClock>> clocks;
  std::map<int, Pace> paces;  // outlives the machines, which the base class ends: see ~Held
  std::function<void(ReplicaOptions*)> adjust_more;
  ~Held() {
    for (const int id : ids()) {
      if (up(id)) Crash(id);
    }
  }
};

TEST_CASE("lasting: not founded") {
  Held held;
  held.Start(1);
  held.Start(2);
  held.IsIll(1,
             "not founded for 2s: a new ensemble needs each listed server once; not linked: "
             "server 3 at db3:7003: ");
  CHECK(absl::IsUnavailable(held.Status(1).health));
  CHECK(held.Status(1).standing == Standing::kUnfounded);
  CHECK(Has(held.Status(1).ready, "not founded"));
  CHECK(held.Link(1, 2).up);
  CHECK(!held.Link(1, 3).up);
  held.Logged(1, Line::kUnhealthy, "not founded");
  held.Logged(1, Line::kPeerUnreachable, "server 3 ");

  held.Start(3);
  held.AllWell();
  held.Logged(1, Line::kFounded, "of servers 1, 2, 3");
  held.Logged(1, Line::kHealthy, "again");
}

TEST_CASE("lasting: founding with different lists") {
  Held held;
  held.adjust_more = [](ReplicaOptions* options) {
    if (options->id == ServerId{3}) options->members[0].address = "localhost:7001";
  };
  held.StartAll();
  const std::string what = "configured with other members: 1=";
  held.IsIll(1, "server 3 and server 1 are " + what + "db1:7001 here, 1=localhost:7001 there");
  held.IsIll(3, "server 1 and server 3 are " + what + "localhost:7001 here, 1=db1:7001 there");
  CHECK(absl::IsFailedPrecondition(held.Status(3).health));
  CHECK(held.Status(3).standing == Standing::kUnfounded);
  held.Logged(1, Line::kMembersDiffer, "server 3 is configured with other members");
  held.Logged(3, Line::kUnhealthy, what);

  held.adjust_more = nullptr;
  held.Crash(3);
  held.Start(3);
  held.AllWell();
  held.Logged(1, Line::kHealthy, "again");
}

TEST_CASE("lasting: no quorum") {
  Held held;
  const int leader = held.StartAndLead();
  const int lost = held.Other(leader), left = 6 - leader - lost;
  held.Crash(leader);
  held.Crash(lost);
  held.IsIll(left, "no leader for 10s: not linked: server ");
  const std::string health = Text(held.Status(left).health);
  for (const int missing : {leader, lost}) CHECK(Has(health, "at db" + std::to_string(missing)));
  CHECK(held.Status(left).standing == Standing::kMember);
  CHECK(!held.Status(left).leader);
  CHECK(Has(held.Status(left).ready, "no leader is established"));
  CHECK(held.Status(left).staleness > absl::Seconds(9));
  held.Logged(left, Line::kUnhealthy, "no leader");
  held.Logged(left, Line::kGoesLooking, "");

  held.Start(leader);
  held.IsWell(left);
  held.Logged(left, Line::kHealthy, "again");
}

TEST_CASE("lasting: a server that cannot be reached") {
  Held held;
  const int leader = held.StartAndLead();
  const int cut = held.Other(leader), left = 6 - leader - cut;
  held.network.Partition({ServerId(cut)});
  for (const int id : {leader, left}) {
    held.Logged(id, Line::kPeerUnreachable, "server " + std::to_string(cut));
    CHECK(!held.Link(id, cut).up);
    CHECK(!held.Link(id, cut).error.ok());
    CHECK(held.Status(id).health.ok());  // a quorum is left
    CHECK(held.Status(id).ready.ok());
  }
  held.IsIll(cut, "no leader for 10s: not linked: server ");

  held.network.Heal();
  held.AllWell();
  held.Logged(leader, Line::kLinked, "server " + std::to_string(cut));
  CHECK(held.Link(leader, cut).up);
  CHECK(held.Link(leader, cut).error.ok());
}

TEST_CASE("lasting: a server that lags") {
  Held held;
  const int leader = held.StartAndLead();
  const int lags = held.Other(leader);
  held.paces[lags].slow = absl::Seconds(20);
  held.Write(leader, "slow");
  held.WriteMany(leader, 50, 100);
  REQUIRE(held.Until([&] { return held.Status(lags).transactions_behind == 50; }));
  REQUIRE(held.Until([&] { return !held.Status(lags).ready.ok(); }));
  CHECK(Has(held.Status(lags).ready, "50 transactions are not applied yet; stale by 1"));
  CHECK(held.Status(lags).health.ok());  // nobody has to see to it
  REQUIRE(held.Until([&] { return held.Link(leader, lags).transactions_behind >= 50; }));
  CHECK(held.Link(leader, lags).bytes_behind > 50 * 100);
  REQUIRE(held.Until([&] { return !held.Link(leader, lags).caught_up; }));
  CHECK(held.Link(leader, lags).durable == held.Status(leader).last_logged);

  held.AllWell();
  REQUIRE(held.Until([&] { return held.Link(leader, lags).caught_up; }));
  CHECK(held.Link(leader, lags).transactions_behind == 0);
  CHECK(held.Status(lags).transactions_behind == 0);
}

TEST_CASE("lasting: a server that restores a snapshot") {
  Held held;
  const int leader = held.StartAndLead();
  const int late = held.Other(leader);
  held.WriteMany(leader, 3);
  held.Crash(late);
  held.WriteMany(leader, 60, 1000);
  held.TakeSnapshot(leader);
  held.WriteMany(leader, 1);
  Pace& pace = held.paces[late];
  pace.record = absl::Seconds(2);
  std::optional<ReplicaStatus> middle;
  pace.in_restore = [&] {
    if (!middle) middle = held.Status(late);
  };
  held.Start(late);
  held.Logged(late, Line::kRestoring, " left");
  REQUIRE(middle);
  CHECK(Has(middle->ready, "a snapshot is restored, at 1:"));
  CHECK(middle->health.ok());

  held.Logged(late, Line::kRestored, "from the snapshot at ");
  held.AllWell();
  CHECK(held.Status(late).last_applied == held.Status(leader).last_applied);
}

TEST_CASE("lasting: a disk that is slow") {
  Held held;
  const int leader = held.StartAndLead();
  const int slow = held.Other(leader);
  held.SlowSyncs(slow, absl::Milliseconds(300));
  held.WriteUntil(leader, [&] { return !held.Status(slow).health.ok(); });
  held.IsIll(slow, "the disk is slow");
  CHECK(absl::IsDeadlineExceeded(held.Status(slow).health));
  CHECK(Has(held.Status(slow).health, ": a sync takes 300ms"));
  CHECK(held.Status(slow).last_sync_latency == absl::Milliseconds(300));
  CHECK(held.Status(slow).ready.ok());
  CHECK(held.Status(leader).health.ok());
  held.Logged(slow, Line::kUnhealthy, "the disk is slow");

  held.SlowSyncs(slow, absl::ZeroDuration());
  held.WriteUntil(leader, [&] { return held.Status(slow).health.ok(); });
  held.AllWell();
  held.Logged(slow, Line::kHealthy, "again");
}

TEST_CASE("lasting: a disk that hangs") {
  Held held;
  const int leader = held.StartAndLead();
  const int hangs = held.Other(leader);
  held.SlowSyncs(hangs, absl::Seconds(20));
  held.Write(leader, "hangs there");
  held.SlowSyncs(hangs, absl::ZeroDuration());
  held.IsIll(hangs, "the disk hangs for 3s: no sync has ended for ");
  held.Logged(hangs, Line::kUnhealthy, "the disk hangs");
  CHECK(held.Status(leader).health.ok());

  held.AllWell();
  held.Logged(hangs, Line::kHealthy, "again");
}

TEST_CASE("lasting: halted by a full disk") {
  Held held;
  const int leader = held.StartAndLead();
  const int full = held.Other(leader);
  held.disk(full).SetCapacity(0);
  REQUIRE(held.Until([&] {
    held.Write(leader, std::string(2000, 'x'));
    return held.Status(full).halted;
  }));
  const absl::Status health = held.Status(full).health;
  CHECK(absl::IsResourceExhausted(health));
  CHECK(Has(health, "no space left"));
  CHECK(Has(health, "; halted: make room for it, on the disk"));
  CHECK(absl::IsResourceExhausted(held.Status(full).ready));
  held.Logged(full, Line::kHalted, "no space left");
  CHECK(held.Status(leader).health.ok());
  REQUIRE(held.Until([&] { return !held.Link(leader, full).up; }));

  held.disk(full).SetCapacity(1 << 30);
  held.Crash(full);
  held.Start(full);
  held.AllWell();
}

TEST_CASE("lasting: a clock that is wrong") {
  Held held;
  const int leader = held.StartAndLead();
  const int wrong = held.Other(leader);
  held.clocks[wrong]->SetWallOffset(-absl::Hours(1));
  held.Write(leader, "with a time");
  const std::string who = std::to_string(leader);
  held.IsIll(wrong, "leader_time of server " + who + ", the leader, is ");
  CHECK(Has(held.Status(wrong).health, " ahead of the clock of server " + std::to_string(wrong)));
  CHECK(absl::IsOutOfRange(held.Status(wrong).health));
  CHECK(held.Status(wrong).ready.ok());
  CHECK(held.Status(leader).health.ok());
  held.Logged(wrong, Line::kClockOff, "leader_time of server " + who);
  held.Logged(wrong, Line::kUnhealthy, "clocks differ");

  held.clocks[wrong]->SetWallOffset(absl::ZeroDuration());
  held.AllWell();
  held.Logged(wrong, Line::kHealthy, "again");
}

}  // namespace
}  // namespace zkq::runtime
