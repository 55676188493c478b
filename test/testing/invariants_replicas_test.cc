// Real replicas with every tap connected: nothing is found where nothing is wrong,
// and what is wrong with a real one is.
#include <functional>
#include <map>
#include <string>

#include "lib/testing/checks/invariants.h"
#include "test/harness/catch.h"
#include "zkq/testing/sim_cluster.h"

namespace zkq::testing {
namespace {

class Adder final : public StateMachine {
 public:
  absl::StatusOr<std::string> Apply(const Transaction&) override { return std::to_string(++sum_); }
  absl::StatusOr<std::string> Query(std::string_view) override { return std::to_string(sum_); }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    return SnapshotJob(
        [sum = sum_](SnapshotWriter& out) { return out.WriteRecord(std::to_string(sum)); });
  }
  absl::Status Restore(SnapshotReader& in) override {
    std::string record;
    const absl::StatusOr<bool> read = in.ReadRecord(&record);
    if (read.ok() && *read) sum_ = std::stoi(record);
    return read.status();
  }

 private:
  int sum_ = 0;
};

struct World {
  // Snapshots come early, and logs are short: there is something to purge and to send.
  World()
      : cluster({.servers = 3,
                 .adjust =
                     [](ServerId, ReplicaOptions* options) {
                       options->snapshot_every_transactions = 20;
                       options->retain_snapshots = 1;
                       options->log_segment_bytes = 8 << 10;
                       options->window_bytes = 1;
                     }},
                [](ServerId) { return std::make_unique<Adder>(); }) {
    cluster.StartAll();
  }

  void Write(ServerId sid, int times) {
    for (int i = 0; i < times; ++i) {
      const int before = answers;
      cluster.server(sid).Propose("add " + std::to_string(++commands), absl::Seconds(5),
                                  [this](absl::StatusOr<Reply>) { ++answers; });
      cluster.server(sid).Read("", absl::Seconds(5), [this](absl::StatusOr<Reply>) { ++answers; });
      REQUIRE(cluster.RunUntil([&] { return answers == before + 2; }, absl::Seconds(20)));
    }
  }
  ServerId Leader() {
    REQUIRE(cluster.RunUntil([&] { return cluster.leader().has_value(); }, absl::Seconds(20)));
    return *cluster.leader();
  }

  int commands = 0, answers = 0;
  SimCluster cluster;
};

// How often each tap was heard.
class Taps final : public SimObserver {
 public:
  void OnSent(const Route&, const Carried&) override { ++heard["sent"]; }
  void OnDelivered(const Route&, const Carried&) override { ++heard["delivered"]; }
  void OnLinkDown(const Route&) override { ++heard["link down"]; }
  void OnStarted(ServerId, const absl::Status&) override { ++heard["started"]; }
  void OnCrashed(ServerId, const MemoryFileSystem&) override { ++heard["crashed"]; }
  void OnDisk(ServerId, const MemoryFileSystem::Operation&) override { ++heard["disk"]; }
  void OnApplied(ServerId, const Transaction&, std::string_view) override { ++heard["applied"]; }
  void OnRestored(ServerId, Zxid) override { ++heard["restored"]; }
  void OnStatus(ServerId, const ReplicaStatus&) override { ++heard["status"]; }
  void OnDone(uint64_t, const absl::StatusOr<Reply>&) override { ++heard["done"]; }
  std::map<std::string, int> heard;
};

TEST_CASE("real replicas violate nothing through crashes, restarts and a cut") {
  Taps taps;  // outlives the cluster
  World world;
  world.cluster.Observe(&taps);
  const ServerId first = world.Leader();
  world.Write(first, 30);
  world.cluster.server(first).Crash(CrashMode::kTorn);
  const ServerId second = world.Leader();
  REQUIRE(second != first);
  world.Write(second, 60);
  REQUIRE(world.cluster.server(first).Start().ok());
  world.Write(second, 10);
  world.cluster.network().Partition({second});
  world.cluster.server(second).Propose("lost, or not", absl::Seconds(1),
                                       [](absl::StatusOr<Reply>) {});
  world.cluster.RunFor(absl::Seconds(3));
  REQUIRE(world.cluster.CheckConverges(absl::Seconds(90)) == absl::OkStatus());
  REQUIRE(world.cluster.CheckEnd() == absl::OkStatus());
  for (const char* tap : {"sent", "delivered", "link down", "started", "crashed", "disk", "applied",
                          "restored", "status", "done"}) {
    INFO(tap);
    REQUIRE(taps.heard[tap] > 0);
  }
}

// Makes one thing up among what a real ensemble does, and says so to a checker.
class Liar final : public SimObserver {
 public:
  explicit Liar(InvariantChecker* checker) : checker_(*checker) {}
  bool acks_too_much = false;
  bool skips = false;

  void OnSent(const Route& route, const Carried& carried) override {
    const Message* message = carried.message;
    const Ack* ack = message == nullptr ? nullptr : std::get_if<Ack>(&message->body);
    if (!acks_too_much || ack == nullptr || ack->zxid.counter == 0) {
      return checker_.OnSent(route, carried);
    }
    Message more = *message;
    ++std::get<Ack>(more.body).zxid.counter;
    checker_.OnSent(route, {.message = &more});
  }
  void OnDelivered(const Route& route, const Carried& carried) override {
    checker_.OnDelivered(route, carried);
  }
  void OnLinkDown(const Route& route) override { checker_.OnLinkDown(route); }
  void OnStarting(ServerId sid) override { checker_.OnStarting(sid); }
  void OnStarted(ServerId sid, const absl::Status& status) override {
    checker_.OnStarted(sid, status);
  }
  void OnCrashed(ServerId sid, const MemoryFileSystem& disk) override {
    checker_.OnCrashed(sid, disk);
  }
  void OnDisk(ServerId sid, const MemoryFileSystem::Operation& operation) override {
    checker_.OnDisk(sid, operation);
  }
  void OnApplied(ServerId sid, const Transaction& txn, std::string_view reply) override {
    if (!skips || txn.zxid.counter % 5 != 0) checker_.OnApplied(sid, txn, reply);
  }
  void OnRestored(ServerId sid, Zxid applied) override { checker_.OnRestored(sid, applied); }
  void OnStatus(ServerId sid, const ReplicaStatus& status) override {
    checker_.OnStatus(sid, status);
  }

 private:
  InvariantChecker& checker_;
};

std::string FoundIn(const std::function<void(Liar*)>& lie) {
  InvariantChecker checker;
  Liar liar(&checker);
  lie(&liar);
  SimCluster cluster({.servers = 3}, [](ServerId) { return std::make_unique<Adder>(); });
  cluster.Observe(&liar);
  cluster.StartAll();
  REQUIRE(cluster.RunUntil([&] { return cluster.leader().has_value(); }, absl::Seconds(20)));
  for (int i = 0; i < 20; ++i) {
    cluster.server(*cluster.leader())
        .Propose(std::to_string(i), absl::Seconds(5), [](absl::StatusOr<Reply>) {});
  }
  cluster.RunFor(absl::Seconds(1));
  REQUIRE(cluster.CheckInvariants() == absl::OkStatus());
  return checker.violation() ? checker.violation()->property : "";
}

TEST_CASE("among what real replicas do, one wrong thing is found") {
  REQUIRE(FoundIn([](Liar*) {}) == "");
  REQUIRE(FoundIn([](Liar* liar) { liar->acks_too_much = true; }) == "INV-4 durable before send");
  REQUIRE(FoundIn([](Liar* liar) { liar->skips = true; }) == "INV-12 local primary order");
}

}  // namespace
}  // namespace zkq::testing
