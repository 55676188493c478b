#include "zkq/testing/local_ensemble.h"

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/absl/log_queue.h"
#include "lib/runtime/start_replica.h"
#include "zkq/testing/memory_network.h"

namespace zkq::testing {
inline namespace v1 {
namespace {

// The file system aside, which is the ensemble's.
void FillNulls(const Env& shipped, Env* env) {
  if (env->clock == nullptr) env->clock = shipped.clock;
  if (env->executor == nullptr) env->executor = shipped.executor;
  if (env->blocking_executor == nullptr) env->blocking_executor = shipped.blocking_executor;
  if (env->random == nullptr) env->random = shipped.random;
}

}  // namespace

class LocalEnsemble::Impl {
 public:
  Impl(MakeStateMachine given, const LocalEnsembleOptions& options);
  ~Impl() {
    for (const ServerId sid : ids) Kill(sid);
  }

  absl::Status Start(ServerId sid);
  absl::Status Stop(ServerId sid, absl::Duration grace);
  bool Kill(ServerId sid);
  void Divide(const std::set<ServerId>& one_side);
  absl::StatusOr<ServerId> WaitForLeader(absl::Duration timeout);

  struct Server {
    const std::shared_ptr<MemoryFileSystem> disk = std::make_shared<MemoryFileSystem>();
    std::shared_ptr<std::atomic<bool>> killed = nullptr;
    std::unique_ptr<Replica> replica = nullptr;
    Subscription events = {};
  };
  std::vector<ServerId> ids;
  std::map<ServerId, Server> servers;

 private:
  absl::StatusOr<ReplicaOptions> OptionsOf(ServerId sid);
  std::optional<ServerId> Leader() const;
  std::string Describe() const;

  const MakeStateMachine make_;
  const std::function<void(ServerId, ReplicaOptions*)> adjust_;
  const Env env_ = NewSystemEnv();  // for waiting
  MemoryNetwork network_;
  std::set<ServerId> side_;
};

LocalEnsemble::Impl::Impl(MakeStateMachine given, const LocalEnsembleOptions& options)
    : make_(std::move(given)), adjust_(options.adjust) {
  for (int id = 1; id <= options.servers; ++id) {
    ids.push_back(ServerId(id));
    servers[ServerId(id)];
  }
}

absl::StatusOr<ReplicaOptions> LocalEnsemble::Impl::OptionsOf(ServerId sid) {
  ReplicaOptions options;
  const Env shipped = options.env = NewSystemEnv();
  if (shipped.executor == nullptr || shipped.blocking_executor == nullptr) {
    return absl::ResourceExhaustedError("no thread can be started");
  }
  if (adjust_) adjust_(sid, &options);
  FillNulls(shipped, &options.env);
  // One queue for the lines of both, or their order would be lost.
  options.log_sink = LogQueue::Before(options.log_sink, options.env.blocking_executor);
  options.id = sid;
  options.members.clear();
  for (const ServerId other : ids) options.members.push_back({.id = other});
  options.data_dir = "data";
  options.transport = network_.NewTransport(options.log_sink);
  options.env.file_system = servers.at(sid).disk;
  options.state_machine = make_ ? make_(sid) : nullptr;
  return options;
}

absl::Status LocalEnsemble::Impl::Start(ServerId sid) {
  Server& server = servers.at(sid);
  if (server.replica != nullptr) return absl::OkStatus();
  absl::StatusOr<ReplicaOptions> options = OptionsOf(sid);
  if (!options.ok()) return options.status();
  server.killed = std::make_shared<std::atomic<bool>>(false);
  auto started = runtime::StartReplica(*std::move(options), {.killed = server.killed});
  if (!started.ok()) return started.status();
  server.replica = *std::move(started);
  server.events =
      server.replica->Subscribe([executor = env_.executor](const Event&) { executor->Wake(); });
  return absl::OkStatus();
}

absl::Status LocalEnsemble::Impl::Stop(ServerId sid, absl::Duration grace) {
  Server& server = servers.at(sid);
  if (server.replica == nullptr) return absl::OkStatus();
  absl::Status status = server.replica->Shutdown(grace);
  server.events = {};
  server.replica = nullptr;
  return status;
}

// False: it was not up.
bool LocalEnsemble::Impl::Kill(ServerId sid) {
  Server& server = servers.at(sid);
  if (server.replica == nullptr) return false;
  *server.killed = true;  // the dead disk halts nobody
  network_.Crash(sid);
  server.disk->CrashBefore(1);  // whatever it does next
  // Two: the first ends the calls at once, the second waits for what still runs. Both may fail,
  // for they run into the dead disk.
  (void)server.replica->Shutdown(absl::ZeroDuration());
  (void)Stop(sid, absl::Seconds(5));
  return true;
}

void LocalEnsemble::Impl::Divide(const std::set<ServerId>& one_side) {
  side_ = one_side;
  network_.Partition(one_side);
}

// Who leads by its own word, and whom enough others follow by theirs that it can reach: else one
// that is cut off, or was killed, would still be the leader until that is noticed.
std::optional<ServerId> LocalEnsemble::Impl::Leader() const {
  std::map<std::pair<ServerId, Epoch>, size_t> followed;
  std::map<ServerId, Epoch> leads;
  for (const auto& [sid, server] : servers) {
    if (server.replica == nullptr) continue;
    const ReplicaStatus status = server.replica->Status();
    if (status.phase != ZabPhase::kBroadcast || !status.leader) continue;
    if (status.state == PeerState::kLeading) leads[sid] = status.epoch;
    if (side_.contains(sid) == side_.contains(*status.leader)) {
      ++followed[{*status.leader, status.epoch}];
    }
  }
  for (const auto& [sid, epoch] : leads) {
    if (followed[{sid, epoch}] > servers.size() / 2) return sid;
  }
  return std::nullopt;
}

std::string LocalEnsemble::Impl::Describe() const {
  std::string text;
  for (const auto& [sid, server] : servers) {
    absl::StrAppend(&text, "; server ", ToInt(sid), " ");
    if (server.replica == nullptr) {
      text += "is down";
      continue;
    }
    const ReplicaStatus status = server.replica->Status();
    text += ToString(status.state);
    text += " " + std::string(ToString(status.phase));
    if (!status.health.ok()) absl::StrAppend(&text, ", ", status.health.message());
  }
  return text;
}

absl::StatusOr<ServerId> LocalEnsemble::Impl::WaitForLeader(absl::Duration timeout) {
  if (env_.executor == nullptr) return absl::ResourceExhaustedError("no thread can be started");
  std::optional<ServerId> leader;
  const auto is_led = [&] { return Leader().has_value(); };
  // It may have gone again when this thread looks.
  const absl::Duration end = env_.clock->Monotonic() + timeout;
  do {
    env_.executor->Await(is_led, end - env_.clock->Monotonic());
    leader = Leader();
  } while (!leader && env_.clock->Monotonic() < end);
  if (leader) return *leader;
  return absl::DeadlineExceededError(absl::StrCat("no leader", Describe()));
}

// --- the face ------------------------------------------------------------------------

LocalEnsemble::LocalEnsemble(MakeStateMachine make, const LocalEnsembleOptions& options)
    : impl_(std::make_unique<Impl>(std::move(make), options)) {}
LocalEnsemble::~LocalEnsemble() = default;

const std::vector<ServerId>& LocalEnsemble::servers() const { return impl_->ids; }
absl::Status LocalEnsemble::Start(ServerId sid) { return impl_->Start(sid); }
absl::Status LocalEnsemble::StartAll() {
  absl::Status status;
  for (const ServerId sid : impl_->ids) status.Update(impl_->Start(sid));
  return status;
}
bool LocalEnsemble::up(ServerId sid) const { return impl_->servers.at(sid).replica != nullptr; }
Replica& LocalEnsemble::replica(ServerId sid) { return *impl_->servers.at(sid).replica; }
absl::Status LocalEnsemble::Stop(ServerId sid, absl::Duration grace) {
  return impl_->Stop(sid, grace);
}
void LocalEnsemble::Kill(ServerId sid) {
  if (impl_->Kill(sid)) impl_->servers.at(sid).disk->KillProcess();
}
void LocalEnsemble::CutPower(ServerId sid) {
  if (impl_->Kill(sid)) impl_->servers.at(sid).disk->Crash();
}
MemoryFileSystem& LocalEnsemble::disk(ServerId sid) { return *impl_->servers.at(sid).disk; }
absl::StatusOr<ServerId> LocalEnsemble::WaitForLeader(absl::Duration timeout) {
  return impl_->WaitForLeader(timeout);
}
void LocalEnsemble::Partition(const std::set<ServerId>& side) { impl_->Divide(side); }
void LocalEnsemble::Heal() { impl_->Divide({}); }

}  // namespace v1
}  // namespace zkq::testing
