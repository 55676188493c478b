// A cluster of real replicas in virtual time, each with a disk that forgets and
// a state machine that remembers: what test/runtime stands on.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/lines.h"
#include "zkq/replica.h"
#include "zkq/testing/memory_file_system.h"
#include "zkq/testing/sim.h"
#include "zkq/testing/sim_network.h"

namespace zkq::runtime {

// Keeps every command it was given, in order.
class History final : public StateMachine {
 public:
  // Outlives the machine, for the test to look at.
  struct Seen {
    std::vector<std::string> commands;
    int snapshots = 0;
    int restores = 0;
    std::string poison;  // Apply of this fails
  };
  explicit History(std::shared_ptr<Seen> seen) : seen_(std::move(seen)) { seen_->commands.clear(); }

  absl::StatusOr<std::string> Apply(const Transaction& txn) override;
  // "count", or "last".
  absl::StatusOr<std::string> Query(std::string_view request) override;
  absl::StatusOr<SnapshotJob> Snapshot() override;
  absl::Status Restore(SnapshotReader& in) override;

 private:
  const std::shared_ptr<Seen> seen_;
};

class LogLines final : public LogSink {
 public:
  void Log(LogLevel level, ServerId self, std::string_view line) override;
  bool echo = false;
  std::vector<std::pair<ServerId, std::string>> lines;
};

class Cluster {
 public:
  explicit Cluster(int servers, uint64_t seed = 1);
  ~Cluster();

  // Applied to the options of every start from here on.
  std::function<void(ReplicaOptions*)> adjust;

  void StartAll();
  absl::Status TryStart(int id);
  void Start(int id);
  // Power is cut: what is not durable is gone.
  void Crash(int id);
  absl::Status Shutdown(int id, absl::Duration grace = absl::Seconds(5));

  bool up(int id) const { return servers_.at(id).replica != nullptr; }
  Replica& at(int id) { return *servers_.at(id).replica; }
  History::Seen& seen(int id) { return *servers_.at(id).seen; }
  testing::MemoryFileSystem& disk(int id) { return *servers_.at(id).disk; }
  std::vector<int> ids() const;

  // The leader that a quorum of those that are up agrees on.
  std::optional<int> Leader();
  int AwaitLeader();
  int AwaitLeaderOtherThan(int id);
  int Follower() { return Leader() == 1 ? 2 : 1; }
  // Proposes until it is committed: the leader may change under the call.
  Reply Write(int id, const std::string& command);
  bool Until(absl::FunctionRef<bool()> condition, absl::Duration limit = absl::Seconds(60));
  bool AllApplied(size_t commands);
  // What the lines of this name say that this server has written, oldest first.
  std::vector<std::string> Said(int id, Line line) const;

  testing::SimScheduler scheduler;
  testing::SimNetwork network;

 private:
  struct Server {
    std::shared_ptr<testing::MemoryFileSystem> disk = nullptr;
    std::shared_ptr<History::Seen> seen = nullptr;
    std::shared_ptr<testing::SimExecutor> executor = nullptr;
    std::shared_ptr<testing::SimExecutor> blocking = nullptr;
    std::unique_ptr<Replica> replica = nullptr;
  };
  ReplicaOptions OptionsOf(int id);

  std::map<int, Server> servers_;
  std::shared_ptr<LogLines> lines_ = std::make_shared<LogLines>();
};

}  // namespace zkq::runtime
