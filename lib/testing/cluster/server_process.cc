#include "lib/testing/cluster/server_process.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "lib/runtime/start_replica.h"
#include "lib/testing/cluster/sim_trace.h"

namespace zkq::testing {
namespace {

constexpr uint64_t kSendsForEver = std::numeric_limits<uint64_t>::max();

}  // namespace

class ServerProcess::WatchedLog final : public LogSink {
 public:
  WatchedLog(ServerProcess* process, std::shared_ptr<LogSink> user)
      : process_(*process), user_(std::move(user)) {}
  void Log(LogLevel level, ServerId self, std::string_view line) override {
    process_.changed_ = true;
    process_.shared_.trace->OnLine(process_.sid_, line);
    if (user_ != nullptr) user_->Log(level, self, line);
  }

 private:
  ServerProcess& process_;
  const std::shared_ptr<LogSink> user_;
};

// --- starts -------------------------------------------------------------------------------

Env ServerProcess::NewEnv() {
  return {.clock = machine_.clock,
          .executor = executor_,
          .blocking_executor = blocking_,
          .random = std::make_shared<SimRandom>(shared_.scheduler->random().Next()),
          .file_system = machine_.disk->files()};
}

ReplicaOptions ServerProcess::Options() {
  executor_ = std::make_shared<SimExecutor>(shared_.scheduler);
  blocking_ = std::make_shared<SimExecutor>(shared_.scheduler);
  ReplicaOptions options;
  options.log_segment_bytes = 64 << 10;
  if (shared_.options->adjust) shared_.options->adjust(sid_, &options);
  options.id = SeatOf(sid_);
  options.members = machine_.members;
  options.data_dir = kDataDir;
  options.transport = shared_.network->NewTransport(nullptr, sid_);
  options.log_sink = std::make_shared<WatchedLog>(this, options.log_sink);
  options.state_machine = nullptr;
  if (IsTwin(sid_)) options.may_found = false;
  options.env = NewEnv();
  if (shared_.make) {
    if (std::unique_ptr<StateMachine> machine = shared_.make(sid_)) {
      options.state_machine =
          machine_.state_machine->Watch(std::move(machine), [this] { changed_ = true; });
    }
  }
  ++life_;
  limits_ = {.tick = options.tick,
             .silence = options.tick * options.sync_limit,
             .handshake = std::min(options.tick * options.init_limit / 4, absl::Seconds(5)),
             .patience = options.tick * std::max(options.init_limit, options.sync_limit)};
  return options;
}

runtime::Tuning ServerProcess::Tuning() const {
  runtime::Tuning tuning;
  const SimClusterOptions& options = *shared_.options;
  if (options.proposed_bytes_max != 0) tuning.outstanding_bytes_max = options.proposed_bytes_max;
  if (options.learner_bytes_max != 0) {
    tuning.credit_bytes = tuning.request_credit_bytes = options.learner_bytes_max;
  }
  if (options.diff_transactions_max != 0) tuning.diff_txns_max = options.diff_transactions_max;
  if (options.log_batch_bytes_max != 0) tuning.log_batch_bytes_max = options.log_batch_bytes_max;
  if (options.epoch_transactions != 0) tuning.rollover_counter = options.epoch_transactions;
  // Drawn apart from all else. Half of them say none, as this build does.
  SimRandom random((options.seed << 20) ^ (ToInt(sid_) << 12) ^ life_);
  if (options.mixed_versions && random.Below(2) == 0) tuning.features = random.Next();
  return tuning;
}

absl::Status ServerProcess::Start() {
  if (up()) return absl::OkStatus();
  // Time passes while it waits for its disk, and who is called meanwhile may ask again.
  if (executor_ != nullptr) return absl::UnavailableError("it is being started");
  shared_.observer->OnStarting(sid_);
  machine_.disk->Unsettle();
  auto started = runtime::StartReplica(Options(), Tuning());
  if (started.ok()) {
    replica_ = *std::move(started);
    machine_.disk->OnUp();
  }
  if (dying()) {
    Bury();
    return absl::UnavailableError("the process died while it started");
  }
  shared_.observer->OnStarted(sid_, started.status());
  if (!up()) {
    Crash(CrashMode::kProcess);
    return started.status();
  }
  // At once: much may have been told to it before anybody looks again.
  shared_.observer->OnStatus(sid_, replica_->Status());
  if (machine_.disk->full()) machine_.excuses->Excuse("the disk is full");
  return absl::OkStatus();
}

// --- ends ---------------------------------------------------------------------------------

void ServerProcess::Crash(CrashMode mode) {
  if (executor_ == nullptr) return;
  if (shuts_down_) return Die(mode);  // the Shutdown that waits buries it
  executor_->Stop();
  blocking_->Stop();
  shared_.network->Crash(sid_);
  machine_.disk->TellLate();
  const absl::Duration now = shared_.scheduler->now();
  if (death_ && (death_->at_step < shared_.scheduler->steps() || death_->at < now)) {
    machine_.disk->Unsettle();
    machine_.excuses->HeldUp(now);
  }
  if (paused_) Pause(false);
  machine_.disk->Crash(mode);
  shared_.observer->OnCrashed(sid_, *machine_.disk->files());
  death_.reset();
  Release();
  machine_.excuses->HeldUp(now);  // last: a crash excuses no call that is late already
}

// Down first: the end of the replica ends its calls, and a callback may do anything.
void ServerProcess::Release() {
  const std::shared_ptr<SimExecutor> executor = std::move(executor_);
  const std::shared_ptr<SimExecutor> blocking = std::move(blocking_);
  std::unique_ptr<Replica> replica = std::move(replica_);
  replica.reset();
}

absl::Status ServerProcess::Shutdown(absl::Duration grace) {
  shuts_down_ = true;
  absl::Status status = replica_->Shutdown(grace);
  shuts_down_ = false;
  Crash(death_ ? death_->mode : CrashMode::kProcess);
  return status;
}

void ServerProcess::CrashAtSend(uint64_t messages, CrashMode mode) {
  send_kills_by_ = mode;
  shared_.network->KillAfterSends(sid_, messages);
}

void ServerProcess::Die(CrashMode mode) {
  if (executor_ == nullptr || death_) return;
  death_ = {mode, shared_.scheduler->steps(), shared_.scheduler->now()};
  executor_->Stop();
  blocking_->Stop();
  machine_.disk->Stop();
  shared_.network->KillAfterSends(sid_, 0);
}

// --- faults -------------------------------------------------------------------------------

void ServerProcess::Pause(bool paused) {
  if (executor_ == nullptr) return;
  if (std::exchange(paused_, paused) == paused) return;
  machine_.disk->Unsettle();
  if (!paused) {
    machine_.excuses->HeldUp(shared_.scheduler->now());
    shared_.observer->OnResumed(sid_);
  }
  shared_.network->SetPaused(sid_, paused);
  for (SimExecutor* executor : {executor_.get(), blocking_.get()}) {
    if (paused) {
      executor->Pause();
    } else {
      executor->Resume();
    }
  }
}

void ServerProcess::Heal() {
  Pause(false);
  shared_.network->KillAfterSends(sid_, kSendsForEver);
}

}  // namespace zkq::testing
