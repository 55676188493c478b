#include "zkq/testing/sim_cluster.h"

#include <map>
#include <set>
#include <utility>

#include "absl/functional/function_ref.h"
#include "lib/testing/cluster/convergence.h"
#include "lib/testing/cluster/judges.h"
#include "lib/testing/cluster/shared.h"
#include "lib/testing/cluster/sim_calls.h"
#include "lib/testing/cluster/sim_observers.h"
#include "lib/testing/cluster/sim_places.h"
#include "lib/testing/cluster/sim_run.h"
#include "lib/testing/cluster/sim_server.h"
#include "lib/testing/cluster/sim_trace.h"

namespace zkq::testing {
inline namespace v1 {

namespace {

std::vector<Member> Founders(const SimClusterOptions& options) {
  std::vector<Member> founders;
  for (int id = 1; id <= options.servers + options.observers; ++id) {
    Member& member = founders.emplace_back(Member{.id = ServerId(id)});
    const auto n = static_cast<size_t>(id - 1);
    if (id > options.servers) {
      member.type = MemberType::kObserver;
      continue;
    }
    if (n < options.weights.size()) member.weight = options.weights[n];
    if (n < options.groups.size()) member.group = options.groups[n];
  }
  return founders;
}

}  // namespace

// It holds its parts together, and has none of their work.
class SimCluster::Impl {
 public:
  Impl(const SimClusterOptions& given, MakeStateMachine make)
      : options(given),
        scheduler(given.seed),
        network(&scheduler, given.network),
        shared{.scheduler = &scheduler,
               .network = &network,
               .observer = &observers,
               .trace = &trace,
               .calls = &calls,
               .options = &options,
               .make = std::move(make)} {
    observers.Add(&trace);
    judges.Observe(&observers);
    network.Observe(&observers);
    network.OnKilled([this](ServerId place) { places.at(place).process.DieOfSending(); });
    const std::vector<Member> founders = Founders(options);
    for (const Member& member : founders) MakeServer(member.id, founders);
  }

  SimServer& MakeServer(ServerId place, std::vector<Member> members) {
    members_of[place] = members;
    auto impl = std::make_unique<SimServer::Impl>(&shared, place, std::move(members));
    places.Add(impl.get());
    auto made = std::unique_ptr<SimServer>(new SimServer(std::move(impl)));
    return *servers.emplace(place, std::move(made)).first->second;
  }

  const SimClusterOptions options;
  SimScheduler scheduler;
  SimNetwork network;
  SimObservers observers;
  SimTrace trace{&scheduler};
  const Shared shared;
  SimPlaces places;
  Judges judges{&shared, &places};
  SimRun run{&shared, &places, &judges};
  std::map<ServerId, std::unique_ptr<SimServer>> servers;  // by place
  std::map<ServerId, std::vector<Member>> members_of;      // as each is started with
  SimCalls calls{&shared, [this](std::string property, std::string what) {
                   judges.Report(std::move(property), std::move(what));
                 }};
};

SimCluster::SimCluster(const SimClusterOptions& options, MakeStateMachine make)
    : impl_(std::make_unique<Impl>(options, std::move(make))) {}

// All at once, while each is there still: the end of a replica ends its calls.
SimCluster::~SimCluster() {
  for (const ServerId sid : servers()) server(sid).Crash(CrashMode::kProcess);
  impl_->calls.TellRefused();
  impl_->network.Observe(nullptr);
}

// --- servers -------------------------------------------------------------------------

const std::vector<ServerId>& SimCluster::servers() const { return impl_->places.all(); }

SimServer& SimCluster::server(ServerId sid) { return *impl_->servers.at(sid); }
const SimServer& SimCluster::server(ServerId sid) const { return *impl_->servers.at(sid); }

SimServer& SimCluster::Add(const Member& member) {
  std::vector<Member> members{member};
  for (const ServerId sid : servers()) {
    if (!IsTwin(sid)) members.push_back({sid});
  }
  return impl_->MakeServer(member.id, std::move(members));
}

SimServer& SimCluster::AddTwin(ServerId sid) {
  return impl_->MakeServer(TwinOf(sid), impl_->members_of.at(sid));
}

bool SimCluster::HasItsId(ServerId place) const { return impl_->judges.HasItsId(place); }

void SimCluster::StartAll() {
  for (const ServerId sid : servers()) (void)server(sid).Start();  // its observers are told
}

Membership SimCluster::membership() const { return impl_->judges.invariants().membership(); }

bool SimCluster::counts(ServerId sid) const {
  const Membership now = membership();
  const Member* const member = FindMember(now, SeatOf(sid));
  return member != nullptr && member->type == MemberType::kParticipant && member->disk == disk(sid);
}

DiskId SimCluster::disk(ServerId sid) const { return impl_->judges.invariants().disk(sid); }

std::optional<ServerId> SimCluster::leader() const {
  return LeaderOf(impl_->places.StatusesOfAll());
}

// --- time ----------------------------------------------------------------------------

absl::Duration SimCluster::now() const { return impl_->scheduler.now(); }

void SimCluster::RunFor(absl::Duration duration) { impl_->run.For(duration); }

bool SimCluster::RunUntil(absl::FunctionRef<bool()> condition, absl::Duration limit) {
  return impl_->run.Until(condition, limit);
}

// --- faults --------------------------------------------------------------------------

SimNetwork& SimCluster::network() { return impl_->network; }

void SimCluster::Heal() { impl_->run.Heal(); }

// --- judgement -------------------------------------------------------------------------

const std::optional<Violation>& SimCluster::violation() const { return impl_->judges.violation(); }

void SimCluster::Report(std::string property, std::string what) {
  impl_->judges.Report(std::move(property), std::move(what));
}

absl::Status SimCluster::CheckEnd() {
  if (!violation()) impl_->judges.invariants().OnEnd();
  return CheckInvariants();
}

absl::Status SimCluster::CheckInvariants() const {
  if (!violation()) return absl::OkStatus();
  return absl::InternalError(violation()->property + ": " + violation()->what);
}

absl::Status SimCluster::CheckConverges(absl::Duration limit, const std::vector<ServerId>& lost) {
  std::set<ServerId> healthy(servers().begin(), servers().end());
  for (const ServerId place : lost) healthy.erase(place);
  Convergence(&impl_->shared, &impl_->places, &impl_->judges, &impl_->run, std::move(healthy),
              !lost.empty())
      .Check(limit);
  return CheckInvariants();
}

std::string SimCluster::Describe() const { return impl_->places.Describe(); }

void SimCluster::Mark(std::string_view line) { impl_->trace.OnMark(line); }
uint64_t SimCluster::trace_hash() const { return impl_->trace.hash(); }
uint64_t SimCluster::steps() const { return impl_->scheduler.steps(); }
void SimCluster::keep_trace(size_t lines) { impl_->trace.Keep(lines); }
std::vector<std::string> SimCluster::trace() const { return impl_->trace.Lines(); }
void SimCluster::Observe(SimObserver* observer) { impl_->observers.Add(observer); }
void SimCluster::Forget(SimObserver* observer) { impl_->observers.Remove(observer); }
SimScheduler& SimCluster::scheduler() { return impl_->scheduler; }

}  // namespace v1
}  // namespace zkq::testing
