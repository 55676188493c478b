// LocalEnsemble, and first the test that a host would write with it.
#include "zkq/testing/local_ensemble.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/harness/catch.h"
#include "zkq/retry.h"

namespace zkq::testing {
namespace {

// Keeps the last command.
class Register final : public StateMachine {
 public:
  static inline std::atomic<int> restores = 0;  // of all

  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    return std::exchange(value_, std::string(txn.command));
  }
  absl::StatusOr<std::string> Query(std::string_view) override { return value_; }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    return [value = value_](SnapshotWriter& out) { return out.WriteRecord(value); };
  }
  absl::Status Restore(SnapshotReader& in) override {
    ++restores;
    return in.ReadRecord(&value_).status();
  }

 private:
  std::string value_;
};

std::unique_ptr<StateMachine> NewRegister(ServerId) { return std::make_unique<Register>(); }

// Where a write was applied: so the server has it that is asked.
std::string ReadAt(LocalEnsemble& ensemble, ServerId sid, Zxid zxid) {
  const absl::StatusOr<Reply> reply = ensemble.replica(sid).Read(
      "", {.timeout = absl::Minutes(1), .consistency = Consistency::kSequential, .at_least = zxid});
  return reply.ok() ? reply->value : reply.status().ToString();
}

TEST_CASE("a write outlives its leader") {
  LocalEnsemble ensemble(NewRegister);
  REQUIRE(ensemble.StartAll() == absl::OkStatus());
  const ServerId first = *ensemble.WaitForLeader();
  REQUIRE(ensemble.replica(first).Propose("one").ok());
  ensemble.Kill(first);

  const ServerId second = *ensemble.WaitForLeader();
  CHECK(second != first);
  CHECK(ensemble.replica(second).Read("")->value == "one");
  const absl::StatusOr<Reply> two = ensemble.replica(second).Propose("two");
  REQUIRE(two.ok());

  REQUIRE(ensemble.Start(first) == absl::OkStatus());
  CHECK(ReadAt(ensemble, first, two->zxid) == "two");
}

// --- what the kit promises beyond that ------------------------------------------------

TEST_CASE("what was acknowledged survives a power cut of all") {
  LocalEnsemble ensemble(NewRegister);
  REQUIRE(ensemble.StartAll() == absl::OkStatus());
  const ServerId leader = *ensemble.WaitForLeader();
  const absl::StatusOr<Reply> written = ensemble.replica(leader).Propose("kept");
  REQUIRE(written.ok());
  for (const ServerId sid : ensemble.servers()) ensemble.CutPower(sid);
  REQUIRE(ensemble.StartAll() == absl::OkStatus());
  const ServerId next = *ensemble.WaitForLeader();
  CHECK(ReadAt(ensemble, next, written->zxid) == "kept");
}

TEST_CASE("a leader that is cut off is replaced, and follows when it is back") {
  LocalEnsemble ensemble(NewRegister);
  REQUIRE(ensemble.StartAll() == absl::OkStatus());
  const ServerId first = *ensemble.WaitForLeader();
  ensemble.Partition({first});
  const ServerId second = *ensemble.WaitForLeader();
  REQUIRE(second != first);
  const absl::StatusOr<Reply> written = ensemble.replica(second).Propose("without it");
  REQUIRE(written.ok());
  CHECK_FALSE(ensemble.replica(first).Propose("alone", {.timeout = absl::ZeroDuration()}).ok());
  ensemble.Heal();
  CHECK(ReadAt(ensemble, first, written->zxid) == "without it");
}

TEST_CASE("a server stops in good order, and the others go on") {
  LocalEnsemble ensemble(NewRegister);
  REQUIRE(ensemble.StartAll() == absl::OkStatus());
  const ServerId first = *ensemble.WaitForLeader();
  CHECK(ensemble.Stop(first) == absl::OkStatus());
  CHECK_FALSE(ensemble.up(first));
  CHECK(ensemble.Stop(first) == absl::OkStatus());  // nothing is left to stop
  const ServerId second = *ensemble.WaitForLeader();
  CHECK(second != first);
  CHECK(CallWithRetry(NewSystemEnv(), {}, [&](absl::Duration timeout) {
          return ensemble.replica(second).Propose("on", {.timeout = timeout});
        }).ok());
}

TEST_CASE("a snapshot is fetched by a server that comes late") {
  LocalEnsemble ensemble(NewRegister, {.adjust = [](ServerId, ReplicaOptions* options) {
                           options->log_segment_bytes = 4 << 10;
                           options->retain_snapshots = 1;
                           options->snapshot_every_transactions = 20;
                         }});
  REQUIRE(ensemble.StartAll() == absl::OkStatus());
  REQUIRE(ensemble.WaitForLeader().ok());
  const ServerId late = ensemble.servers().front();
  ensemble.Kill(late);
  const ServerId leader = *ensemble.WaitForLeader();
  Zxid last;
  const std::string filler(1 << 10, 'x');
  for (int i = 0; i < 200; ++i) last = ensemble.replica(leader).Propose(filler)->zxid;
  const int restores = Register::restores;
  REQUIRE(ensemble.Start(late) == absl::OkStatus());
  CHECK(ReadAt(ensemble, late, last) == filler);
  CHECK(Register::restores == restores + 1);
}

TEST_CASE("what the options leave null is the shipped part") {
  LocalEnsemble ensemble(
      NewRegister, {.adjust = [](ServerId, ReplicaOptions* options) { options->env = Env(); }});
  REQUIRE(ensemble.StartAll() == absl::OkStatus());
  CHECK(ensemble.WaitForLeader().ok());
}

// Knows by their names which lines were said.
class Names final : public LogSink {
 public:
  void Log(LogLevel, ServerId, std::string_view line) override {
    {
      const std::lock_guard lock(mutex_);
      said_.emplace(line.substr(0, line.find(':')));
    }
    env_.executor->Wake();
  }
  bool WaitFor(const std::string& name) {
    const auto said = [&] {
      const std::lock_guard lock(mutex_);
      return said_.contains(name);
    };
    return env_.executor->Await(said, absl::Minutes(1));
  }

 private:
  const Env env_ = NewSystemEnv();
  std::mutex mutex_;
  std::set<std::string> said_;
};

TEST_CASE("the log tells of links as well") {
  const auto names = std::make_shared<Names>();
  LocalEnsemble ensemble(NewRegister, {.adjust = [names](ServerId, ReplicaOptions* options) {
                           options->log_sink = names;
                         }});
  REQUIRE(ensemble.StartAll() == absl::OkStatus());
  // Linked with a leader at least.
  REQUIRE(ensemble.replica(ServerId{1}).WaitUntilReady(absl::Minutes(1)) == absl::OkStatus());
  REQUIRE(names->WaitFor("linked"));
  ensemble.Partition({ServerId{1}});
  REQUIRE(names->WaitFor("unlinked"));
  REQUIRE(names->WaitFor("peer-unreachable"));
}

TEST_CASE("who is missed is named when there is no leader") {
  LocalEnsemble ensemble(NewRegister);
  REQUIRE(ensemble.Start(ServerId{1}) == absl::OkStatus());
  const absl::StatusOr<ServerId> leader = ensemble.WaitForLeader(absl::ZeroDuration());
  CHECK(leader.status() ==
        absl::DeadlineExceededError("no leader; server 1 looking election; server 2 is down; "
                                    "server 3 is down"));
}

TEST_CASE("calls of a server that is killed are answered") {
  LocalEnsemble ensemble(NewRegister);
  REQUIRE(ensemble.Start(ServerId{1}) == absl::OkStatus());
  absl::Status told;
  ensemble.replica(ServerId{1})
      .Read("",
            {.timeout = absl::InfiniteDuration(),
             .consistency = Consistency::kSequential,
             .at_least = {.epoch = 1}},
            [&](absl::StatusOr<Reply> reply) { told = reply.status(); });
  ensemble.Kill(ServerId{1});
  CHECK_FALSE(told.ok());
}

struct Kept final : LogSink {
  void Log(LogLevel, ServerId, std::string_view line) override {
    const std::lock_guard lock(mutex);
    lines.emplace_back(line);
  }
  std::mutex mutex;
  std::vector<std::string> lines;
};

TEST_CASE("a server that is killed says of itself no more that it has halted than a dead process") {
  const auto sink = std::make_shared<Kept>();
  LocalEnsemble ensemble(NewRegister, {.servers = 1, .adjust = [&](ServerId, ReplicaOptions* o) {
                                         o->log_sink = sink;
                                       }});
  REQUIRE(ensemble.StartAll() == absl::OkStatus());
  const ServerId one = *ensemble.WaitForLeader();
  std::atomic<bool> halted = false;
  const Subscription subscription = ensemble.replica(one).Subscribe(
      [&](const Event& event) { halted = halted || event.status.halted; });
  std::atomic<int> told = 0;
  // They keep the disk busy, so that it is in use when it dies.
  for (int i = 0; i < 200; ++i) {
    ensemble.replica(one).Propose(std::string(10'000, 'x'), {},
                                  [&](const absl::StatusOr<Reply>&) { ++told; });
  }
  ensemble.Kill(one);
  CHECK(told == 200);
  CHECK_FALSE(halted);
  const std::lock_guard lock(sink->mutex);
  for (const std::string& line : sink->lines) CHECK_FALSE(line.starts_with("halted"));
}

}  // namespace
}  // namespace zkq::testing
