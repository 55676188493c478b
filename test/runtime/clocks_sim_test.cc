// Clocks that are set, and servers that count time in other ticks.
#include <algorithm>
#include <memory>
#include <vector>

#include "test/harness/catch.h"
#include "zkq/testing/sim_cluster.h"

namespace zkq::testing {
namespace {

constexpr absl::Duration kYears = absl::Hours(24 * 365 * 20);

// Notes the leader_time of all that it applies.
class Times final : public StateMachine {
 public:
  explicit Times(std::vector<absl::Time>* times) : times_(*times) { times_.clear(); }
  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    times_.push_back(txn.leader_time);
    return "";
  }
  absl::StatusOr<std::string> Query(std::string_view) override { return ""; }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    return [seen = times_.size()](SnapshotWriter& out) {
      return out.WriteRecord(std::to_string(seen));
    };
  }
  absl::Status Restore(SnapshotReader&) override { return absl::OkStatus(); }

 private:
  std::vector<absl::Time>& times_;
};

struct Timed {
  explicit Timed(SimClusterOptions options)
      : cluster(std::move(options),
                [this](ServerId sid) { return std::make_unique<Times>(&times[sid]); }) {
    cluster.StartAll();
    REQUIRE(cluster.RunUntil([&] { return AllServe(); }, absl::Minutes(2)));
  }
  bool AllServe() const {
    const auto& all = cluster.servers();
    return std::all_of(all.begin(), all.end(), [&](ServerId sid) {
      return cluster.server(sid).Status().leader.has_value();
    });
  }
  // The leader_time of a write that is made now, through the leader.
  absl::Time Write() {
    const ServerId leader = *cluster.leader();
    bool done = false;
    cluster.server(leader).Propose("write " + std::to_string(++writes), absl::Seconds(10),
                                   [&](absl::StatusOr<Reply> reply) { done = reply.ok(); });
    REQUIRE(cluster.RunUntil([&] { return done; }, absl::Seconds(10)));
    return times[leader].back();
  }

  std::map<ServerId, std::vector<absl::Time>> times;  // outlives the machines
  SimCluster cluster;
  int writes = 0;
};

TEST_CASE("leader_time follows a clock that is set after the start, and does not fall") {
  Timed timed({.seed = 5});
  const absl::Time before = timed.Write();
  SimClock& clock = timed.cluster.server(*timed.cluster.leader()).clock();
  clock.SetWallOffset(kYears);
  const absl::Time after = timed.Write();
  REQUIRE(after - before >= kYears - absl::Minutes(1));
  REQUIRE(after - before <= kYears + absl::Minutes(1));
  clock.SetWallOffset(absl::ZeroDuration());
  REQUIRE(timed.Write() >= after);
}

TEST_CASE("a server with another tick than its leader's follows it in peace") {
  for (const uint64_t odd : {1, 3}) {
    Timed timed({.seed = 5, .adjust = [odd](ServerId sid, ReplicaOptions* options) {
                   const bool is_odd = ToInt(sid) == odd;
                   options->tick = is_odd ? absl::Milliseconds(100) : absl::Seconds(3);
                 }});
    const Epoch epoch = timed.cluster.server(ServerId{2}).Status().epoch;
    timed.cluster.RunUntil([&] { return !timed.AllServe(); }, absl::Minutes(1));
    INFO("server " << odd << "\n" << timed.cluster.Describe());
    REQUIRE(timed.AllServe());
    REQUIRE(timed.cluster.server(ServerId{2}).Status().epoch == epoch);
  }
}

}  // namespace
}  // namespace zkq::testing
