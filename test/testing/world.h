// World: a SimCluster of machines whose state is the list of all commands.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/harness/catch.h"
#include "zkq/testing/sim_cluster.h"

namespace zkq::testing {

// What a machine holds, and what was asked of it; outlives it.
struct Notes {
  std::vector<std::string> commands;
  int snapshots = 0;
  int restores = 0;
};

// Answers how many commands it has. One that is left out or applied twice shows.
class Machine final : public StateMachine {
 public:
  explicit Machine(Notes* notes) : notes_(*notes) { notes_.commands.clear(); }
  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    notes_.commands.emplace_back(txn.command);
    return std::to_string(notes_.commands.size());
  }
  absl::StatusOr<std::string> Query(std::string_view) override {
    return std::to_string(notes_.commands.size());
  }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    ++notes_.snapshots;
    return SnapshotJob([copy = notes_.commands](SnapshotWriter& out) {
      absl::Status status;
      for (const std::string& command : copy) status.Update(out.WriteRecord(command));
      return status;
    });
  }
  absl::Status Restore(SnapshotReader& in) override {
    ++notes_.restores;
    notes_.commands.clear();
    for (std::string record;;) {
      absl::StatusOr<bool> more = in.ReadRecord(&record);
      if (!more.ok() || !*more) return more.status();
      notes_.commands.push_back(record);
    }
  }

 private:
  Notes& notes_;
};

struct World {
  // Snapshots are taken only when asked for, unless `adjust` says otherwise. Somebody leads.
  explicit World(SimClusterOptions options, std::function<void(ReplicaOptions*)> adjust = nullptr)
      : cluster(Adjusted(std::move(options), std::move(adjust)),
                [this](ServerId sid) { return std::make_unique<Machine>(&notes[sid]); }) {
    cluster.StartAll();
    Leader();
  }
  explicit World(int servers, std::function<void(ReplicaOptions*)> adjust = nullptr,
                 uint64_t seed = 7)
      : World(SimClusterOptions{.servers = servers, .seed = seed}, std::move(adjust)) {}
  ~World() { CHECK(cluster.CheckInvariants() == absl::OkStatus()); }

  void Until(absl::FunctionRef<bool()> done, absl::Duration limit = absl::Seconds(60)) {
    const bool reached = cluster.RunUntil(done, limit);
    INFO(cluster.Describe());
    REQUIRE(cluster.CheckInvariants() == absl::OkStatus());
    REQUIRE(reached);
  }
  ServerId Leader() {
    Until([this] { return cluster.leader().has_value(); });
    return *cluster.leader();
  }
  // Cut off until what it lacks is nowhere but in a snapshot.
  void LeaveBehind(ServerId sid) {
    cluster.network().Partition({sid});
    cluster.RunFor(absl::Seconds(2));
    const ServerId leader = Leader();
    for (int i = 0; i < 40; ++i) Write(leader, std::string(20'000, static_cast<char>('a' + i)));
    for (const ServerId other : cluster.servers()) {
      if (other == sid) continue;
      bool taken = false;
      cluster.server(other).replica().TakeSnapshot({.timeout = absl::InfiniteDuration()},
                                                   [&](absl::StatusOr<Zxid>) { taken = true; });
      Until([&] { return taken; });
    }
    cluster.RunFor(absl::Seconds(1));
  }
  ServerId Follower() { return Leader() == ServerId{1} ? ServerId{2} : ServerId{1}; }
  // Each attempt is a command of its own: the checker knows them by their text.
  void Write(ServerId sid, std::string command) {
    for (bool done = false; !done; command += "'") {
      // A test that fails here is left before the call ends.
      const auto answer = std::make_shared<std::optional<absl::StatusOr<Reply>>>();
      cluster.server(sid).Propose(command, absl::Seconds(5), [answer](absl::StatusOr<Reply> reply) {
        *answer = std::move(reply);
      });
      Until([&] { return answer->has_value(); });
      done = (*answer)->ok();
      if (!done) cluster.RunFor(absl::Milliseconds(50));  // a refusal takes no time
    }
  }
  // Everybody has the same commands.
  bool Agree() const {
    const std::vector<std::string>& first = notes.at(ServerId{1}).commands;
    return std::all_of(notes.begin(), notes.end(),
                       [&](const auto& other) { return other.second.commands == first; });
  }
  // How many of its commands are this one.
  size_t Count(ServerId sid, std::string_view command) const {
    const std::vector<std::string>& commands = notes.at(sid).commands;
    return static_cast<size_t>(std::count(commands.begin(), commands.end(), command));
  }

  std::map<ServerId, Notes> notes;
  SimCluster cluster;

 private:
  static SimClusterOptions Adjusted(SimClusterOptions options,
                                    std::function<void(ReplicaOptions*)> adjust) {
    options.adjust = [adjust = std::move(adjust)](ServerId, ReplicaOptions* replica) {
      replica->snapshot_every_transactions = 0;
      if (adjust) adjust(replica);
    };
    return options;
  }
};

}  // namespace zkq::testing
