#include "zkq/testing/sim_cluster.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "lib/testing/checks/applying_checker.h"
#include "lib/testing/checks/election_checker.h"
#include "lib/testing/checks/invariants.h"
#include "lib/testing/checks/led_checker.h"
#include "lib/testing/checks/liveness.h"
#include "lib/testing/cluster/sim_observers.h"
#include "lib/testing/cluster/sim_server.h"
#include "lib/testing/cluster/sim_trace.h"

namespace zkq::testing {
inline namespace v1 {

class SimCluster::Impl {
 public:
  // What a deadline may be missed by.
  static constexpr absl::Duration kLate = absl::Seconds(1);

  Impl(const SimClusterOptions& given, MakeStateMachine make)
      : options(given), scheduler(given.seed), network(&scheduler, given.network) {
    world = {.scheduler = &scheduler,
             .network = &network,
             .observer = &observers,
             .trace = &trace,
             .options = &options,
             .make = std::move(make)};
    observers.Add(&trace);
    observers.Add(&checker);
    observers.Add(&elections);
    network.Observe(&observers);
    network.OnKilled([this](ServerId sid) { at(sid).DieOfSending(); });
    for (int id = 1; id <= options.servers; ++id) {
      sids.push_back(ServerId(id));
      servers.emplace(ServerId(id), std::make_unique<SimServer>(&world, ServerId(id)));
    }
  }

  SimServer& at(ServerId sid) { return *servers.at(sid); }

  // Hands on what a call ends with, and holds it against the time it was given.
  Done Watched(uint64_t call, ServerId sid, absl::Duration timeout, Done done) {
    return [this, call, sid, timeout, asked = scheduler.now(),
            asked_there = at(sid).clock().Monotonic(),
            done = std::move(done)](absl::StatusOr<Reply> result) mutable {
      // Whichever clock is slower: its own may drift or stand still.
      const absl::Duration waited =
          std::min(scheduler.now() - asked, at(sid).clock().Monotonic() - asked_there);
      if (waited > timeout + kLate && at(sid).held_up_until() + kLate < scheduler.now()) {
        Report("a call's deadline", "call " + std::to_string(call) + " was given " +
                                        absl::FormatDuration(timeout) + " and took " +
                                        absl::FormatDuration(waited));
      }
      observers.OnDone(call, result);
      if (done) std::move(done)(std::move(result));
    };
  }
  // Nobody is there to take a call; told in a task, as answers are.
  void Refuse(uint64_t call, ServerId sid, Done done) {
    refused.emplace(call, [sid, done = std::move(done)]() mutable {
      std::move(done)(MakeError(absl::StatusCode::kUnavailable,
                                "server " + ToString(sid) + " is down",
                                {.outcome = Outcome::kNotCommitted}));
    });
    scheduler.After(absl::ZeroDuration(), [this, call] { TellRefused(call); });
  }
  void TellRefused(uint64_t call) {
    auto told = refused.extract(call);
    if (!told.empty()) std::move(told.mapped())();
  }
  absl::Duration Patience() const {
    absl::Duration longest = absl::ZeroDuration();
    for (const auto& [sid, server] : servers) longest = std::max(longest, server->patience());
    return longest;
  }

  void Report(std::string property, std::string what) {
    if (!violation()) reported = {std::move(property), std::move(what)};
  }
  const std::optional<Violation>& violation() const {
    if (reported) return reported;
    return checker.violation() ? checker.violation() : elections.violation();
  }

  static std::set<ServerId> Voters(int servers) {
    std::set<ServerId> voters;
    for (int id = 1; id <= servers; ++id) voters.insert(ServerId(id));
    return voters;
  }

  // Between two tasks: what cannot be done inside one.
  void AfterStep() {
    for (const auto& [sid, server] : servers) {
      if (server->dying() && server->up()) server->Bury();
      if (server->TakeChanged() && server->up()) {
        observers.OnStatus(sid, server->replica().Status());
      }
    }
    constexpr absl::Duration kLook = absl::Milliseconds(100);
    if (scheduler.now() < looks_at) return;
    looks_at = scheduler.now() + kLook;
    if (auto violation = led.OnLook(WhoCanLead(), scheduler.now())) {
      Report(std::move(violation->property), std::move(violation->what));
    }
    if (++looks % 10 == 0) CheckApplying();
  }

  LedChecker::View WhoCanLead() const {
    LedChecker::View view{.breaks = network.breaks(), .leader = LeaderOf(StatusesOfAll())};
    absl::Duration bears = absl::InfiniteDuration();
    for (const auto& [sid, server] : servers) {
      if (!server->up()) continue;
      view.tick = std::max(view.tick, server->tick());
      view.sync = std::max(view.sync, server->sync_takes());
      bears = std::min(bears, server->silence());
      const ReplicaStatus status = server->replica().Status();
      if (!server->calm() || !status.health.ok() || status.ensemble == EnsembleId{}) continue;
      view.voters[sid] = {.life = server->life(),
                          .sync = server->sync_takes(),
                          .clock_set = server->clock().set_at(),
                          .history = checker.history(sid)};
    }
    for (const ServerId a : sids) {
      for (const ServerId b : sids) {
        if (a >= b) continue;
        const absl::Duration round_trip = network.round_trip(a, b);
        view.too_far |= bears <= round_trip && round_trip < absl::InfiniteDuration();
        if (round_trip >= bears) continue;
        view.links.emplace(a, b);
        view.round_trip = std::max(view.round_trip, round_trip);
      }
    }
    return view;
  }

  void CheckApplying() {
    for (const auto& [sid, server] : servers) {
      if (!server->up()) {
        applying.OnDown(sid);
        continue;
      }
      const absl::Duration kept =
          std::max(server->held_up_until(), server->kept_from_applying_until());
      auto stuck = applying.OnLook(sid, server->replica().Status(), kept, scheduler.now());
      if (stuck) Report(std::move(stuck->property), std::move(stuck->what));
    }
  }

  Statuses StatusesOfAll() const {
    Statuses statuses;
    for (const auto& [sid, server] : servers) {
      if (server->up()) statuses[sid] = server->replica().Status();
    }
    return statuses;
  }

  const SimClusterOptions options;
  SimScheduler scheduler;
  SimNetwork network;
  SimObservers observers;
  SimTrace trace{&scheduler};
  InvariantChecker checker{Voters(options.servers)};
  ElectionChecker elections{&scheduler};
  SimServer::World world;
  std::vector<ServerId> sids;
  std::map<ServerId, std::unique_ptr<SimServer>> servers;
  uint64_t calls = 0;
  std::map<uint64_t, absl::AnyInvocable<void() &&>> refused;  // by call, and not told yet
  ApplyingChecker applying;
  LedChecker led{static_cast<size_t>(options.servers)};
  uint64_t looks = 0;
  absl::Duration looks_at = absl::ZeroDuration();
  std::optional<Violation> reported;
};

SimCluster::SimCluster(const SimClusterOptions& options, MakeStateMachine make)
    : impl_(std::make_unique<Impl>(options, std::move(make))) {}

// All at once, while each is there still: the end of a replica ends its calls.
SimCluster::~SimCluster() {
  for (const ServerId sid : servers()) Crash(sid, CrashMode::kProcess);
  while (!impl_->refused.empty()) impl_->TellRefused(impl_->refused.begin()->first);
  impl_->network.Observe(nullptr);
}

// --- servers -------------------------------------------------------------------------

const std::vector<ServerId>& SimCluster::servers() const { return impl_->sids; }

void SimCluster::StartAll() {
  for (const ServerId sid : servers()) (void)Start(sid);  // its observers are told
}

absl::Status SimCluster::Start(ServerId sid) { return impl_->at(sid).Start(); }

void SimCluster::Crash(ServerId sid, CrashMode mode) {
  if (up(sid)) impl_->at(sid).Crash(mode);
}

absl::Status SimCluster::Shutdown(ServerId sid, absl::Duration grace) {
  return up(sid) ? impl_->at(sid).Shutdown(grace) : absl::OkStatus();
}

bool SimCluster::up(ServerId sid) const { return impl_->at(sid).up(); }
Replica& SimCluster::replica(ServerId sid) { return impl_->at(sid).replica(); }
ReplicaStatus SimCluster::Status(ServerId sid) const { return impl_->at(sid).replica().Status(); }

std::optional<ServerId> SimCluster::leader() const { return LeaderOf(impl_->StatusesOfAll()); }

// --- time ----------------------------------------------------------------------------

absl::Duration SimCluster::now() const { return impl_->scheduler.now(); }

void SimCluster::RunFor(absl::Duration duration) {
  RunUntil([] { return false; }, duration);
}

bool SimCluster::RunUntil(absl::FunctionRef<bool()> condition, absl::Duration limit) {
  bool held = false;
  impl_->scheduler.RunUntil(
      [&] {
        impl_->AfterStep();
        held = condition();
        return held || violation().has_value();
      },
      limit);
  return held;
}

// --- calls ---------------------------------------------------------------------------

void SimCluster::Propose(ServerId sid, std::string command, absl::Duration timeout, Done done) {
  const uint64_t call = ++impl_->calls;
  impl_->observers.OnProposed(call, sid, command);
  Done watched = impl_->Watched(call, sid, timeout, std::move(done));
  if (!up(sid)) return impl_->Refuse(call, sid, std::move(watched));
  replica(sid).Propose(std::move(command), {.timeout = timeout}, std::move(watched));
}

void SimCluster::Read(ServerId sid, std::string request, absl::Duration timeout, Done done) {
  const uint64_t call = ++impl_->calls;
  impl_->observers.OnReadAsked(call, sid);
  Done watched = impl_->Watched(call, sid, timeout, std::move(done));
  if (!up(sid)) return impl_->Refuse(call, sid, std::move(watched));
  replica(sid).Read(std::move(request), {.timeout = timeout}, std::move(watched));
}

// --- faults --------------------------------------------------------------------------

void SimCluster::CrashAtDisk(ServerId sid, uint64_t operations, CrashMode mode,
                             std::optional<MemoryFileSystem::Step> step) {
  impl_->at(sid).CrashAtDisk(operations, mode, step);
}
void SimCluster::CrashAtSend(ServerId sid, uint64_t messages, CrashMode mode) {
  impl_->at(sid).CrashAtSend(messages, mode);
}
void SimCluster::Pause(ServerId sid, bool paused) { impl_->at(sid).Pause(paused); }
SimClock& SimCluster::clock(ServerId sid) { return impl_->at(sid).clock(); }
void SimCluster::SlowApply(ServerId sid, absl::Duration duration) {
  impl_->at(sid).SlowApply(duration);
}
void SimCluster::FailApply(ServerId sid) { impl_->at(sid).FailApply(); }
MemoryFileSystem& SimCluster::disk(ServerId sid) { return impl_->at(sid).disk(); }
void SimCluster::SlowDisk(ServerId sid, absl::Duration per_sync) {
  impl_->at(sid).SlowDisk(per_sync);
}
void SimCluster::SlowReads(ServerId sid, absl::Duration longest) {
  impl_->at(sid).SlowReads(longest);
}
void SimCluster::StallDisk(ServerId sid, absl::Duration duration) {
  impl_->at(sid).StallDisk(duration);
}
void SimCluster::FailDisk(ServerId sid, MemoryFileSystem::Step step) {
  impl_->at(sid).FailDisk(step);
}
void SimCluster::FailRead(ServerId sid) { impl_->at(sid).FailRead(); }
void SimCluster::FillDisk(ServerId sid, bool full) { impl_->at(sid).FillDisk(full); }
bool SimCluster::WipeDisk(ServerId sid) { return !up(sid) && impl_->at(sid).WipeDisk(); }
bool SimCluster::FlipBit(ServerId sid, const std::string& path, uint64_t offset, int bit) {
  return !up(sid) && impl_->at(sid).FlipBit(path, offset, bit);
}
bool SimCluster::LoseSector(ServerId sid, const std::string& path, uint64_t offset) {
  return !up(sid) && impl_->at(sid).LoseSector(path, offset);
}
bool SimCluster::OverwriteSector(ServerId sid, const std::string& path, uint64_t offset,
                                 uint64_t from) {
  return !up(sid) && impl_->at(sid).OverwriteSector(path, offset, from);
}
bool SimCluster::Settled(ServerId sid, const std::string& path, uint64_t offset) const {
  return impl_->at(sid).Settled(path, offset);
}
SimNetwork& SimCluster::network() { return impl_->network; }

void SimCluster::Heal() {
  impl_->network.Heal();
  for (const auto& [sid, server] : impl_->servers) server->Heal();
}

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
  const absl::Duration patience = impl_->Patience();
  // A few attempts; with the limits as shipped and a healthy network one takes no second.
  const absl::Duration elects = 3 * patience + absl::Seconds(3);
  // How long there must be no other leader: silence would have been noticed.
  const absl::Duration calm_for = patience + absl::Seconds(2);
  constexpr absl::Duration kLook = absl::Milliseconds(10);
  // Healing breaks links, too, and that is heard of later.
  constexpr absl::Duration kSettles = absl::Seconds(1);
  std::set<ServerId> healthy(servers().begin(), servers().end());
  for (const ServerId sid : lost) healthy.erase(sid);
  Heal();
  // What was begun before may still take its time, and fail.
  const absl::Duration begins_by = now() + limit;
  for (const auto& [sid, server] : impl_->servers) {
    const absl::Duration held_up = server->blocked_until();
    RunFor(std::min(held_up, begins_by) - now());
    if (held_up <= begins_by || violation()) continue;
    Report("LIV-2 re-admission", "server " + ToString(sid) +
                                     " is held up in a call of its disk or state machine for " +
                                     absl::FormatDuration(held_up - now()) + " more");
    return CheckInvariants();
  }
  impl_->AfterStep();  // who has just died is buried, and started with the others
  for (const ServerId sid : servers()) {
    if (up(sid) && !Status(sid).health.ok()) Crash(sid, CrashMode::kProcess);
    const absl::Status started = Start(sid);
    if (started.ok() || !healthy.contains(sid)) continue;
    Report("LIV-3 no restart trap",
           "server " + ToString(sid) + " does not start: " + started.ToString());
    return CheckInvariants();
  }
  const absl::Duration deadline = now() + limit;
  const absl::Duration led_by = now() + std::min(limit, elects);
  RunFor(kSettles);
  std::optional<Violation> missing;
  bool led = false;
  while (!violation() && (missing = CheckSynced(impl_->StatusesOfAll(), healthy))) {
    led = led || leader().has_value();
    if (now() >= (led ? deadline : led_by)) {
      Report(missing->property, missing->what + "\n" + Describe());
      break;
    }
    RunFor(kLook);
  }
  if (violation()) return CheckInvariants();
  const Statuses calm = impl_->StatusesOfAll();
  std::optional<Violation> change;
  // Also for a server that is not waited for, and has promised too much.
  const bool renews = impl_->options.epoch_transactions != 0 || !lost.empty();
  const auto changed = [&] {
    change = CheckStable(calm, impl_->StatusesOfAll(), renews);
    return change.has_value();
  };
  if (RunUntil(changed, calm_for)) Report(change->property, change->what);
  return CheckInvariants();
}

std::string SimCluster::Describe() const {
  std::string text;
  for (const ServerId sid : servers()) {
    text += "server " + ToString(sid) + ": ";
    if (!up(sid)) {
      text += "down\n";
      continue;
    }
    const ReplicaStatus s = Status(sid);
    text += std::string(ToString(s.state)) + ", " + std::string(ToString(s.phase)) + ", leader " +
            (s.leader ? ToString(*s.leader) : "none") + ", epoch " + std::to_string(s.epoch) +
            ", logged " + ToString(s.last_logged) + ", committed " + ToString(s.last_committed) +
            ", applied " + ToString(s.last_applied) + (s.amnesic ? ", amnesic" : "") + ", " +
            s.health.ToString() + "\n";
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
