#include "zkq/testing/sim_cluster.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/functional/function_ref.h"
#include "lib/testing/checks/applying_checker.h"
#include "lib/testing/checks/election_checker.h"
#include "lib/testing/checks/invariants.h"
#include "lib/testing/checks/leader_time_checker.h"
#include "lib/testing/checks/led_checker.h"
#include "lib/testing/checks/liveness.h"
#include "lib/testing/checks/silence_checker.h"
#include "lib/testing/checks/staleness_checker.h"
#include "lib/testing/cluster/shared.h"
#include "lib/testing/cluster/sim_calls.h"
#include "lib/testing/cluster/sim_observers.h"
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

class SimCluster::Impl {
 public:
  Impl(const SimClusterOptions& given, MakeStateMachine make)
      : options(given), scheduler(given.seed), network(&scheduler, given.network) {
    shared = {.scheduler = &scheduler,
              .network = &network,
              .observer = &observers,
              .trace = &trace,
              .calls = &calls,
              .options = &options,
              .make = std::move(make)};
    observers.Add(&trace);
    observers.Add(&checker);
    observers.Add(&elections);
    observers.Add(&leader_times);
    observers.Add(&staleness);
    observers.Add(&led);
    network.Observe(&observers);
    network.OnKilled([this](ServerId sid) { at(sid).process.DieOfSending(); });
    const std::vector<Member> founders = Founders(options);
    for (const Member& member : founders) MakeServer(member.id, founders);
  }

  SimServer& MakeServer(ServerId sid, std::vector<Member> members) {
    members_of[sid] = members;
    auto impl = std::make_unique<SimServer::Impl>(&shared, sid, std::move(members));
    auto made = std::unique_ptr<SimServer>(new SimServer(std::move(impl)));
    sids.insert(std::upper_bound(sids.begin(), sids.end(), sid), sid);
    return *servers.emplace(sid, std::move(made)).first->second;
  }

  SimServer::Impl& at(ServerId sid) const { return *servers.at(sid)->impl_; }

  absl::Duration Patience() const {
    absl::Duration longest = absl::ZeroDuration();
    for (const auto& [sid, server] : servers) {
      longest = std::max(longest, server->impl_->process.limits().patience);
    }
    return longest;
  }

  void Report(std::string property, std::string what) {
    if (!violation()) reported = {std::move(property), std::move(what)};
  }
  const std::optional<Violation>& violation() const {
    if (reported) return reported;
    if (checker.violation()) return checker.violation();
    if (elections.violation()) return elections.violation();
    return leader_times.violation() ? leader_times.violation() : staleness.violation();
  }

  // Between two tasks: what cannot be done inside one.
  void AfterStep() {
    for (const auto& [sid, server] : servers) {
      ServerProcess& process = server->impl_->process;
      if (process.dying() && process.up()) process.Bury();
      if (process.TakeChanged() && process.up()) {
        ++news;
        observers.OnStatus(sid, process.replica().Status());
      }
    }
    constexpr absl::Duration kLook = absl::Milliseconds(100);
    if (scheduler.now() < looks_at) return;
    looks_at = scheduler.now() + kLook;
    const Statuses statuses = StatusesOfAll();
    // One that applies nothing has no news, and may yet say that it is fresh.
    for (const auto& [sid, status] : statuses) staleness.OnStatus(sid, status);
    const LedChecker::View view = WhoCanLead(statuses);
    slowest_sync = std::max(slowest_sync, view.sync);
    if (auto violation = led.OnLook(view, scheduler.now())) {
      Report(std::move(violation->property), std::move(violation->what));
    }
    CheckSilence();
    if (++looks % 10 == 0) CheckApplying();
  }

  LedChecker::View WhoCanLead(const Statuses& statuses) {
    LedChecker::View view{.changes = network.changes(), .leader = LeaderOf(statuses)};
    absl::Duration bears = absl::InfiniteDuration();
    for (const ServerId sid : sids) {
      SimServer::Impl& server = at(sid);
      if (!server.process.up()) continue;
      const absl::Duration sync = server.disk.sync_takes();
      view.tick = std::max(view.tick, server.process.limits().tick);
      view.sync = std::max(view.sync, sync);
      const ServerProcess::Limits& limits = server.process.limits();
      bears = std::min({bears, limits.silence, limits.handshake});
      if (server.disk.syncing_until() > scheduler.now()) view.syncing.insert(sid);
      const ReplicaStatus& status = statuses.at(sid);
      if (!server.calm() || status.halted || status.standing != Standing::kMember) continue;
      // Which of the two the others are linked with may change with what they know.
      if (HasTwin(sid)) continue;
      const bool serves = status.phase == ZabPhase::kBroadcast;
      view.voters[sid] = {.life = server.process.life(),
                          .sync = sync,
                          .clock_set = server.clock->set_at(),
                          .history = checker.history(sid),
                          .disk = checker.disk(sid),
                          .configs = checker.configs(sid),
                          .serves = serves ? status.leader : std::nullopt,
                          .epoch = status.epoch};
    }
    if (view.leader) view.epoch = statuses.at(*view.leader).epoch;
    for (const ServerId a : sids) {
      for (const ServerId b : sids) {
        if (a >= b) continue;
        const absl::Duration round_trip = network.round_trip(a, b);
        view.unfit |= bears <= round_trip && round_trip < absl::InfiniteDuration();
        for (const auto& path : {network.path(a, b), network.path(b, a)}) {
          view.unfit |= path.flips_one_in > 0 || path.largest < SimPath().largest;
        }
        if (round_trip >= bears) continue;
        view.links.emplace(a, b);
        view.round_trip = std::max(view.round_trip, round_trip);
      }
    }
    return view;
  }

  // Nothing, if it was set before a transaction may have been made that is sent only now.
  std::optional<absl::Time> WallOf(ServerId sid) const {
    SimClock& clock = *at(sid).clock;
    const absl::Duration late = absl::Seconds(10) + 8 * slowest_sync;
    const bool settled = scheduler.now() - clock.wall_set_at() > late;
    return settled ? std::optional(clock.Wall()) : std::nullopt;
  }

  absl::Duration PacedSince(ServerId sid) const {
    const SimClock& clock = *at(sid).clock;
    return clock.rate() == 1 ? clock.set_at() : absl::InfiniteDuration();
  }

  // Since when nothing of its network, of its peers, or of clocks is other than usual.
  std::optional<absl::Duration> UsualSince(ServerId sid) const {
    const absl::Duration longest = at(sid).process.limits().silence / 3;
    absl::Duration since = absl::ZeroDuration();
    for (const ServerId other : sids) {
      const SimServer::Impl& server = at(other);
      const bool near = sid == other || network.round_trip(sid, other) < longest;
      if (!near || !server.process.steady() || server.clock->rate() != 1) return std::nullopt;
      since = std::max(since, server.excuses.held_up_until());
    }
    return since;
  }

  void CheckSilence() {
    SilenceChecker::Stands stands;
    absl::Duration limit = absl::ZeroDuration();
    uint64_t changes = network.changes();
    for (const ServerId sid : sids) {
      const ServerProcess& process = at(sid).process;
      changes += process.life();
      if (!process.up()) continue;
      limit = std::max(limit, process.limits().silence);
      stands[sid] = {.lost = network.counters(sid).lost_by_silence, .usual_since = UsualSince(sid)};
    }
    auto lost = silence.OnLook(stands, limit, changes, scheduler.now());
    if (lost) Report(std::move(lost->property), std::move(lost->what));
  }

  void CheckApplying() {
    for (const auto& [sid, server] : servers) {
      if (!server->up()) {
        applying.OnDown(sid);
        continue;
      }
      const absl::Duration kept =
          std::max(at(sid).excuses.held_up_until(), at(sid).excuses.kept_from_applying_until());
      auto stuck = applying.OnLook(sid, server->Status(), kept, scheduler.now());
      if (stuck) Report(std::move(stuck->property), std::move(stuck->what));
    }
  }

  Statuses StatusesOfAll() const {
    Statuses statuses;
    for (const auto& [sid, server] : servers) {
      if (server->up()) statuses[sid] = server->Status();
    }
    return statuses;
  }
  std::string Describe() const;

  // Two machines run under its id.
  bool HasTwin(ServerId place) const { return servers.contains(TwinOf(SeatOf(place))); }
  bool HasItsId(ServerId place, const Membership& now) {
    if (!HasTwin(place)) return true;
    const Member* const member = FindMember(now, SeatOf(place));
    return member != nullptr && member->type == MemberType::kParticipant &&
           member->disk == checker.disk(place);
  }
  // Of a name that two machines have the operator takes care.
  void PointNames() {
    const Membership now = checker.membership();
    for (const ServerId place : sids) {
      if (IsTwin(place)) {
        network.PointName(SeatOf(place), HasItsId(place, now) ? place : SeatOf(place));
      }
    }
  }
  // Those whom the others hold links with.
  std::set<ServerId> Judged(std::set<ServerId> healthy) {
    const Membership now = checker.membership();
    std::erase_if(healthy, [&](ServerId place) { return !HasItsId(place, now); });
    return healthy;
  }

  bool RunUntil(absl::FunctionRef<bool()> condition, absl::Duration limit) {
    bool held = false;
    scheduler.RunUntil(
        [&] {
          AfterStep();
          held = condition();
          return held || violation().has_value();
        },
        limit);
    return held;
  }
  void RunFor(absl::Duration duration) {
    RunUntil([] { return false; }, duration);
  }
  void Heal() {
    network.Heal();
    for (const ServerId sid : sids) at(sid).Heal();
  }

  // --- what CheckConverges waits for, one after the other; false: a violation is reported ---
  bool AwaitHeldUp(absl::Duration limit);
  void PutDisksBack();
  void Settle(absl::Duration patience);
  bool StartEverybody(const std::set<ServerId>& healthy);
  bool AwaitSynced(const std::set<ServerId>& healthy, absl::Duration limit,
                   absl::Duration patience);
  bool AwaitChanges(absl::Duration limit);
  void AwaitStable(const std::set<ServerId>& healthy, absl::Duration patience, bool renews);

  const SimClusterOptions options;
  SimScheduler scheduler;
  SimNetwork network;
  SimObservers observers;
  SimTrace trace{&scheduler};
  InvariantChecker checker;
  ElectionChecker elections{&scheduler};
  LeaderTimeChecker leader_times{[this](ServerId sid) { return WallOf(sid); }};
  StalenessChecker staleness{&scheduler, [this](ServerId sid) { return PacedSince(sid); }};
  Shared shared;
  std::vector<ServerId> sids;  // places
  std::map<ServerId, std::unique_ptr<SimServer>> servers;
  std::map<ServerId, std::vector<Member>> members_of;  // as each is started with
  SimCalls calls{&shared, [this](std::string property, std::string what) {
                   Report(std::move(property), std::move(what));
                 }};
  ApplyingChecker applying;
  LedChecker led;
  SilenceChecker silence;
  uint64_t news = 0;                                   // statuses that observers were told
  absl::Duration slowest_sync = absl::ZeroDuration();  // so far, of any server
  uint64_t looks = 0;
  absl::Duration looks_at = absl::ZeroDuration();
  std::optional<Violation> reported;
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

const std::vector<ServerId>& SimCluster::servers() const { return impl_->sids; }

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

bool SimCluster::HasItsId(ServerId place) const { return impl_->HasItsId(place, membership()); }

void SimCluster::StartAll() {
  for (const ServerId sid : servers()) (void)server(sid).Start();  // its observers are told
}

Membership SimCluster::membership() const { return impl_->checker.membership(); }

bool SimCluster::counts(ServerId sid) const {
  const Membership now = membership();
  const Member* const member = FindMember(now, SeatOf(sid));
  return member != nullptr && member->type == MemberType::kParticipant && member->disk == disk(sid);
}

DiskId SimCluster::disk(ServerId sid) const { return impl_->checker.disk(sid); }

std::optional<ServerId> SimCluster::leader() const { return LeaderOf(impl_->StatusesOfAll()); }

// --- time ----------------------------------------------------------------------------

absl::Duration SimCluster::now() const { return impl_->scheduler.now(); }

void SimCluster::RunFor(absl::Duration duration) { impl_->RunFor(duration); }

bool SimCluster::RunUntil(absl::FunctionRef<bool()> condition, absl::Duration limit) {
  return impl_->RunUntil(condition, limit);
}

// --- faults --------------------------------------------------------------------------

SimNetwork& SimCluster::network() { return impl_->network; }

void SimCluster::Heal() { impl_->Heal(); }

// --- judgement -------------------------------------------------------------------------

const std::optional<Violation>& SimCluster::violation() const { return impl_->violation(); }

void SimCluster::Report(std::string property, std::string what) {
  impl_->Report(std::move(property), std::move(what));
}

absl::Status SimCluster::CheckEnd() {
  if (!violation()) impl_->checker.OnEnd();
  return CheckInvariants();
}

absl::Status SimCluster::CheckInvariants() const {
  if (!violation()) return absl::OkStatus();
  return absl::InternalError(violation()->property + ": " + violation()->what);
}

absl::Status SimCluster::CheckConverges(absl::Duration limit, const std::vector<ServerId>& lost) {
  std::set<ServerId> healthy(servers().begin(), servers().end());
  for (const ServerId sid : lost) healthy.erase(sid);
  // Also for a server that is not waited for, and has promised too much.
  const bool renews = impl_->options.epoch_transactions != 0 || !lost.empty();
  impl_->Heal();
  impl_->PointNames();
  if (!impl_->AwaitHeldUp(limit) || !impl_->StartEverybody(healthy)) return CheckInvariants();
  const absl::Duration patience = impl_->Patience();  // of the options that they have now
  impl_->Settle(patience);
  // A change that had been asked for may have been proposed before its leader heard of a disk
  // that was lost.
  impl_->PutDisksBack();
  if (!impl_->AwaitSynced(healthy, limit, patience)) return CheckInvariants();
  // A change may make another lead, or ask a learner to come again as another.
  if (impl_->AwaitChanges(limit)) {
    impl_->Settle(patience);
    if (!impl_->AwaitSynced(healthy, limit, patience)) return CheckInvariants();
  }
  impl_->AwaitStable(healthy, patience, renews);
  return CheckInvariants();
}

// What was begun before may still take its time, and fail.
bool SimCluster::Impl::AwaitHeldUp(absl::Duration limit) {
  const absl::Duration begins_by = scheduler.now() + limit;
  for (const ServerId sid : sids) {
    const absl::Duration held_up = at(sid).excuses.blocked_until();
    RunFor(std::min(held_up, begins_by) - scheduler.now());
    if (held_up <= begins_by || violation()) continue;
    Report("LIV-2 re-admission", "server " + ToString(sid) +
                                     " is held up in a call of its disk or state machine for " +
                                     absl::FormatDuration(held_up - scheduler.now()) + " more");
    return false;
  }
  return true;
}

void SimCluster::Impl::PutDisksBack() {
  if (checker.QuorumsAreThere()) return;
  for (const auto& [sid, server] : servers) {
    const std::optional<uint64_t> listed = checker.ListedDisk(sid);
    if (!listed || *listed == server->present_disk()) continue;
    server->Crash(CrashMode::kProcess);
    (void)server->InsertDisk(*listed);  // it has had that one
    (void)server->Start();              // what fails is told of who is not synced
  }
}

bool SimCluster::Impl::StartEverybody(const std::set<ServerId>& healthy) {
  AfterStep();  // who has just died is buried, and started with the others
  PutDisksBack();
  for (const auto& [sid, server] : servers) {
    if (server->up() && server->Status().halted) server->Crash(CrashMode::kProcess);
    const absl::Status started = server->Start();
    if (started.ok() || !healthy.contains(sid)) continue;
    Report("LIV-3 no restart trap",
           "server " + ToString(sid) + " does not start: " + started.ToString());
    return false;
  }
  return true;
}

// Healing breaks links, too, and that is heard of later; and a path that has changed meanwhile is
// known only by its silence.
void SimCluster::Impl::Settle(absl::Duration patience) {
  RunFor(std::max(absl::Seconds(1), patience + absl::Milliseconds(10)));
}

bool SimCluster::Impl::AwaitSynced(const std::set<ServerId>& healthy, absl::Duration limit,
                                   absl::Duration patience) {
  constexpr absl::Duration kLook = absl::Milliseconds(10);
  // A few attempts; with the limits as shipped and a healthy network one takes no second.
  const absl::Duration elects = 2 * patience + absl::Seconds(3);
  const absl::Duration deadline = scheduler.now() + limit;
  const absl::Duration led_by = scheduler.now() + std::min(limit, elects);
  bool led = false;
  while (!violation()) {
    PointNames();
    const Statuses statuses = StatusesOfAll();
    const std::optional<Violation> missing = CheckSynced(statuses, Judged(healthy));
    if (!missing) return true;
    led = led || LeaderOf(statuses).has_value();
    if (scheduler.now() >= (led ? deadline : led_by)) {
      Report(missing->property, missing->what + "\n" + Describe());
    } else {
      RunFor(kLook);
    }
  }
  return false;
}

// False: there was none.
bool SimCluster::Impl::AwaitChanges(absl::Duration limit) {
  if (calls.open_changes() == 0) return false;
  RunUntil([&] { return calls.open_changes() == 0; }, limit);
  return true;
}

// There must be no other leader: silence would have been noticed by then.
void SimCluster::Impl::AwaitStable(const std::set<ServerId>& healthy, absl::Duration patience,
                                   bool renews) {
  const Statuses calm = StatusesOfAll();
  const std::set<ServerId> judged = Judged(healthy);
  std::optional<Violation> change;
  const std::optional<ServerId> leader = LeaderOf(calm);
  uint64_t seen = news;
  const auto changed = [&] {
    // Copies of all statuses after every step would be a tenth of the run.
    const bool nothing_new = std::exchange(seen, news) == news;
    if (nothing_new && leader && servers.at(*leader)->up()) return false;
    change = CheckStable(calm, StatusesOfAll(), judged, renews);
    return change.has_value();
  };
  if (RunUntil(changed, patience + absl::Seconds(2))) Report(change->property, change->what);
}

std::string SimCluster::Describe() const { return impl_->Describe(); }

std::string SimCluster::Impl::Describe() const {
  std::string text;
  for (const auto& [sid, server] : servers) {
    text += "server " + ToString(sid) + ": ";
    if (!server->up()) {
      text += "down\n";
      continue;
    }
    const ReplicaStatus s = server->Status();
    text += std::string(ToString(s.state)) + ", " + std::string(ToString(s.phase)) + ", leader " +
            (s.leader ? ToString(*s.leader) : "none") + ", epoch " + std::to_string(s.epoch) +
            ", logged " + ToString(s.last_logged) + ", committed " + ToString(s.last_committed) +
            ", applied " + ToString(s.last_applied) + ", " + std::string(ToString(s.standing)) +
            ", " + s.health.ToString() + "\n";
  }
  return text;
}

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
