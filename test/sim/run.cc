#include "test/sim/run.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "test/sim/clients.h"
#include "test/sim/edits.h"
#include "test/sim/kept_machine.h"
#include "test/sim/leaving_out.h"
#include "test/sim/machines.h"
#include "test/sim/variation.h"
#include "zkq/testing/linearizability.h"
#include "zkq/testing/sim_cluster.h"

namespace zkq::sim {
namespace {

using testing::Nemesis;
using testing::SimCluster;
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
  void OnStatus(ServerId, const ReplicaStatus& status) override {
    Membership& seen = seen_[status.membership.version];
    if (seen.members != status.membership.members) seen = status.membership;
  }
  void OnReconfigureAsked(uint64_t, ServerId, const Membership&) override { ++open_changes_; }
  void OnReconfigured(uint64_t, ServerId, const Membership& asked,
                      const absl::StatusOr<Membership>& result) override {
    --open_changes_;
    const auto seen = seen_.find(asked.version);
    const std::set<Coverage::Edit> edits =
        seen == seen_.end() ? std::set{Coverage::kUnknown} : EditsOf(seen->second, asked);
    for (const Coverage::Edit edit : edits) {
      ++coverage_.changes[edit][static_cast<size_t>(result.status().code())];
    }
  }
  uint64_t open_changes() const { return open_changes_; }

 private:
  void Count(const Carried& carried, Coverage::Fate fate) {
    ++coverage_.messages[KindOf(carried)][fate];
  }
  Coverage& coverage_;
  uint64_t open_changes_ = 0;
  std::map<Zxid, Membership> seen_;
};

std::vector<Strike> Chosen(const RunOptions& options, std::vector<Strike> plan) {
  if (!options.strikes) return plan;
  std::vector<Strike> chosen;
  for (const size_t number : *options.strikes) {
    if (number < plan.size()) chosen.push_back(plan[number]);
  }
  return chosen;
}

// Whether it could be judged.
bool JudgeHistory(const RunOptions& options, const Clients& clients, SimCluster* cluster) {
  const testing::RegisterModel kv;
  const testing::QueueModel queue;
  const testing::SequentialModel& model =
      options.state_machine == "queue" ? static_cast<const testing::SequentialModel&>(queue) : kv;
  const testing::Verdict verdict = CheckLinearizable(clients.History(), model);
  if (verdict.kind == testing::Verdict::Kind::kNotLinearizable) {
    cluster->Report("linearizability", verdict.counter_example);
  }
  return verdict.kind != testing::Verdict::Kind::kUndecided;
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
  for (size_t e = 0; e < kEdits; ++e) {
    for (size_t c = 0; c < kCodes; ++c) changes[e][c] += other.changes[e][c];
  }
}

RunResult Run(const RunOptions& options) {
  RunResult result;
  Variation variation(options);
  Clients clients(variation.ForClients());
  Counter counter(&result.coverage);
  testing::SimClusterOptions cluster_options = variation.ForCluster();
  cluster_options.adjust = [&](ServerId, ReplicaOptions* replica) { variation.Adjust(replica); };
  const size_t ballast = variation.Ballast();
  const uint64_t kept_every = variation.KeptEvery();
  SimCluster* disks = nullptr;
  SimCluster cluster(cluster_options, [&](ServerId sid) {
    auto machine = NewMachine(options.state_machine, ballast);
    return kept_every == 0 ? std::move(machine)
                           : Kept(std::move(machine), &disks->server(sid).disk(), kept_every);
  });
  disks = &cluster;
  cluster.Observe(&counter);
  cluster.keep_trace(options.trace_lines);
  variation.Spoil(&cluster);

  Nemesis nemesis(&cluster, [&](Fault fault, PeerState state, ZabPhase phase) {
    ++result.coverage.faults[static_cast<size_t>(fault)][static_cast<size_t>(state)]
                            [static_cast<size_t>(phase)];
  });
  cluster.StartAll();
  clients.Begin(&cluster);
  const std::vector<Strike> plan = PlanStrikes(options.profile, options.seed, options.length);
  result.strikes = plan.size();
  nemesis.Run(Chosen(options, plan), options.length);
  cluster.RunFor(variation.Quiet());

  // A voter that promised too much is let in again at most once a minute.
  constexpr absl::Duration kConverges = absl::Seconds(90);
  // Behind renewals, during which a call is refused.
  constexpr absl::Duration kAnswers = absl::Seconds(20);
  if (options.profile == Profile::kMembership && !cluster.violation() &&
      cluster.CheckConverges(kConverges, nemesis.lost()).ok()) {
    result.left_out = LeaveOut(options.seed, nemesis.lost(), &clients, &cluster);
  }
  if (!cluster.violation()) (void)cluster.CheckConverges(kConverges, nemesis.lost());
  clients.End();
  std::vector<ServerId> healthy;
  for (const ServerId sid : cluster.servers()) {
    const auto& lost = nemesis.lost();
    const bool kept = std::find(lost.begin(), lost.end(), sid) == lost.end();
    if (kept && cluster.HasItsId(sid)) healthy.push_back(sid);
  }
  if (!cluster.violation() && !clients.AllTold(healthy, kAnswers)) {
    cluster.Report("LIV-6 calls", "a call waits for ever\n" + cluster.Describe());
  }
  if (!cluster.violation() && !clients.WriteThroughEach(healthy, kAnswers)) {
    cluster.Report("LIV-1 progress", "a write does not succeed\n" + cluster.Describe());
  }
  if (!cluster.violation() && !clients.AllAnswered(healthy)) {
    cluster.Report("a call is answered", "a write waits in peace\n" + cluster.Describe());
  }
  if (!cluster.violation() && !clients.ReadThroughEach(healthy, kAnswers)) {
    cluster.Report("LIV-1 progress", "a read does not succeed\n" + cluster.Describe());
  }
  for (const ServerId sid : cluster.servers()) {  // with what waits there
    const bool judged = std::find(healthy.begin(), healthy.end(), sid) != healthy.end();
    if (!judged) cluster.server(sid).Crash();
  }
  cluster.RunFor(absl::Seconds(3));  // longer than any other call waits, but for changes
  constexpr absl::Duration kChanges = absl::Seconds(25);
  cluster.RunUntil([&] { return counter.open_changes() == 0; }, kChanges);
  (void)cluster.CheckEnd();
  if (!cluster.violation()) result.undecided = !JudgeHistory(options, clients, &cluster);

  cluster.Forget(&counter);  // what ends with the cluster is no crash
  result.violation = cluster.violation();
  result.steps = cluster.steps();
  result.trace_hash = cluster.trace_hash();
  result.calls = clients.completed();
  result.simulated = cluster.now();
  result.trace = cluster.trace();
  return result;
}

}  // namespace zkq::sim
