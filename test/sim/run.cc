#include "test/sim/run.h"

#include <algorithm>
#include <utility>

#include "test/sim/clients.h"
#include "test/sim/machines.h"
#include "zkq/testing/linearizability.h"
#include "zkq/testing/sim_cluster.h"

namespace zkq::sim {
namespace {

using testing::Nemesis;
using testing::SimCluster;
using testing::SimClusterOptions;
using testing::SimRandom;
using testing::Strike;

// Counts what hits what.
class Counter final : public testing::SimObserver {
 public:
  explicit Counter(Coverage* coverage) : coverage_(*coverage) {}
  void OnSent(const Route&, const Carried& carried) override { Count(carried, Coverage::kSent); }
  void OnLost(const Route&, const Carried& carried, Loss why) override {
    Count(carried, why == Loss::kLinkBroke       ? Coverage::kLost
                   : why == Loss::kSenderCrashed ? Coverage::kSenderCrashed
                                                 : Coverage::kReceiverCrashed);
  }
  void OnDelayed(const Route&, const Carried& carried) override {
    Count(carried, Coverage::kDelayed);
  }
  void OnOvertaken(const Route&, const Carried& carried) override {
    Count(carried, Coverage::kOvertaken);
  }

 private:
  void Count(const Carried& carried, Coverage::Fate fate) {
    const size_t kind =
        carried.message != nullptr ? carried.message->body.index() : Coverage::kKinds - 1;
    ++coverage_.messages[kind][fate];
  }
  Coverage& coverage_;
};

// A start may find other options than the one before: they are not agreed on.
void Vary(SimRandom* random, ReplicaOptions* options) {
  options->snapshot_every_transactions = 10 + random->Below(90);
  options->retain_snapshots = 1 + static_cast<int>(random->Below(3));
  if (random->Below(2) == 0) options->window_bytes = 1 + random->Below(1000);
  options->log_segment_bytes = uint64_t{8 << 10} << random->Below(4);
  if (random->Below(4) == 0) options->tick = absl::Milliseconds(50 + 50 * random->Below(4));
  if (random->Below(4) == 0) options->sync_limit = 5 + static_cast<int>(random->Below(10));
}

// What is one way for the whole of a run. As shipped in most of them, and each limit is
// near in some.
SimClusterOptions Drawn(SimRandom* random, const RunOptions& options) {
  SimClusterOptions drawn{.servers = options.servers, .seed = options.seed};
  if (options.profile == Profile::kCalm) return drawn;
  const auto sometimes = [&] { return random->Below(4) == 0; };
  if (sometimes()) drawn.epoch_transactions = 10 + static_cast<uint32_t>(random->Below(100));
  if (sometimes()) drawn.learner_bytes_max = 1 + random->Below(2000);
  if (sometimes()) drawn.proposed_bytes_max = 100 + random->Below(4000);
  if (sometimes()) drawn.diff_transactions_max = 1 + random->Below(50);
  if (sometimes()) drawn.log_batch_bytes_max = 1 + random->Below(2000);
  if (sometimes()) drawn.network.delay_max *= static_cast<double>(1 + random->Below(50));
  if (sometimes()) drawn.sync_delay *= static_cast<double>(1 + random->Below(20));
  return drawn;
}

Clients::Options DrawnClients(SimRandom* random, const RunOptions& options) {
  Clients::Options drawn{.queue = options.state_machine == "queue", .seed = options.seed * 3 + 1};
  if (options.profile == Profile::kCalm || random->Below(6) != 0) return drawn;
  drawn.clients = drawn.keys = 8;
  drawn.pause_max /= 3;
  return drawn;
}

// Of a snapshot, which then takes several messages.
size_t DrawnBallast(SimRandom* random, const RunOptions& options) {
  if (options.profile == Profile::kCalm || random->Below(16) != 0) return 0;
  return random->Below(1 << 20);
}

// Wall clocks that were never set right, for nothing may rest on them; and disks that
// are always slow to read.
void SpoilMachines(SimRandom* random, const RunOptions& options, SimCluster* cluster) {
  const bool clocks = random->Below(2) == 0;
  const bool disks = options.profile != Profile::kCalm && random->Below(12) == 0;
  for (const ServerId sid : cluster->servers()) {
    const auto offset = static_cast<int64_t>(random->Below(7200)) - 3600;
    if (clocks) cluster->clock(sid).SetWallOffset(absl::Seconds(offset));
    if (disks) cluster->SlowReads(sid, absl::Seconds(2));
  }
}

std::vector<Strike> Chosen(const RunOptions& options, std::vector<Strike> plan) {
  if (!options.strikes) return plan;
  std::vector<Strike> chosen;
  for (const size_t number : *options.strikes) {
    if (number < plan.size()) chosen.push_back(plan[number]);
  }
  return chosen;
}

void JudgeHistory(const RunOptions& options, const Clients& clients, SimCluster* cluster) {
  const testing::RegisterModel kv;
  const testing::QueueModel queue;
  const testing::SequentialModel& model =
      options.state_machine == "queue" ? static_cast<const testing::SequentialModel&>(queue) : kv;
  const testing::Verdict verdict = CheckLinearizable(clients.History(), model);
  if (verdict.kind == testing::Verdict::Kind::kNotLinearizable) {
    cluster->Report("linearizability", verdict.counter_example);
  }
}

}  // namespace

void Coverage::Add(const Coverage& other) {
  for (size_t f = 0; f < faults.size(); ++f) {
    for (size_t s = 0; s < kStates; ++s) {
      for (size_t p = 0; p < kPhases; ++p) faults[f][s][p] += other.faults[f][s][p];
    }
  }
  for (size_t k = 0; k < kKinds; ++k) {
    for (size_t f = 0; f < kFates; ++f) messages[k][f] += other.messages[k][f];
  }
}

RunResult Run(const RunOptions& options) {
  RunResult result;
  SimRandom variation(options.seed * 5 + 2);
  Clients clients(DrawnClients(&variation, options));
  Counter counter(&result.coverage);
  SimClusterOptions cluster_options = Drawn(&variation, options);
  cluster_options.adjust = [&](ServerId, ReplicaOptions* replica) {
    if (options.profile != Profile::kCalm) Vary(&variation, replica);
  };
  const size_t ballast = DrawnBallast(&variation, options);
  SimCluster cluster(cluster_options,
                     [&](ServerId) { return NewMachine(options.state_machine, ballast); });
  cluster.Observe(&counter);
  cluster.keep_trace(options.trace_lines);
  SpoilMachines(&variation, options, &cluster);

  cluster.StartAll();
  clients.Begin(&cluster);
  Nemesis nemesis(&cluster, [&](Fault fault, ServerId sid) {
    if (!cluster.up(sid)) return;
    const ReplicaStatus status = cluster.Status(sid);
    ++result.coverage.faults[static_cast<size_t>(fault)][static_cast<size_t>(status.state)]
                            [static_cast<size_t>(status.phase)];
  });
  const std::vector<Strike> plan = PlanStrikes(options.profile, options.seed, options.length);
  result.strikes = plan.size();
  nemesis.Run(Chosen(options, plan), options.length);

  // A voter that promised too much is let in again at most once a minute.
  constexpr absl::Duration kConverges = absl::Seconds(90);
  if (!cluster.violation()) (void)cluster.CheckConverges(kConverges, nemesis.lost());
  clients.End();
  std::vector<ServerId> healthy;
  for (const ServerId sid : cluster.servers()) {
    const auto& lost = nemesis.lost();
    if (std::find(lost.begin(), lost.end(), sid) == lost.end()) healthy.push_back(sid);
  }
  if (!cluster.violation() && !clients.WriteThroughEach(healthy, absl::Seconds(20))) {
    cluster.Report("LIV-1 progress", "a write does not succeed\n" + cluster.Describe());
  }
  if (!cluster.violation() && !clients.AllAnswered(healthy)) {
    cluster.Report("a call is answered", "a write fails in peace\n" + cluster.Describe());
  }
  cluster.RunFor(absl::Seconds(3));  // longer than any call waits
  cluster.CheckEnd();
  if (!cluster.violation()) JudgeHistory(options, clients, &cluster);

  result.violation = cluster.violation();
  result.steps = cluster.steps();
  result.trace_hash = cluster.trace_hash();
  result.calls = clients.completed();
  result.simulated = cluster.now();
  result.trace = cluster.trace();
  return result;
}

}  // namespace zkq::sim
