#include "lib/testing/cluster/sim_server.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "lib/runtime/start_replica.h"
#include "lib/testing/cluster/sim_trace.h"
#include "lib/wire/disk.h"

namespace zkq::testing {
namespace {

using Operation = MemoryFileSystem::Operation;
using Step = MemoryFileSystem::Step;
using Verdict = MemoryFileSystem::Verdict;

constexpr absl::Duration kSettles = absl::Seconds(1);
// A task is not interrupted when its server is healed: what it applies beyond this is fast.
constexpr absl::Duration kAppliesAtOnce = absl::Seconds(20);
constexpr absl::Duration kExcuseLasts = absl::Seconds(2);
constexpr size_t kSector = 512;
constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

// Stands before the user's machine: tells what it is given, and takes its time. A
// snapshot says at its front what its state has applied, whatever it is called.
class WatchedMachine final : public StateMachine {
 public:
  WatchedMachine(SimServer* server, std::unique_ptr<StateMachine> inner)
      : server_(*server), inner_(std::move(inner)) {}

  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    if (absl::Status fault = server_.BeforeApply(); !fault.ok()) return fault;
    absl::StatusOr<std::string> reply = inner_->Apply(txn);
    if (!reply.ok()) return reply;
    applied_ = txn.zxid;
    server_.AfterApply(txn, *reply);
    return reply;
  }
  absl::StatusOr<std::string> Query(std::string_view request) override {
    return inner_->Query(request);
  }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    absl::StatusOr<SnapshotJob> job = inner_->Snapshot();
    if (!job.ok()) return job;
    return SnapshotJob([applied = applied_, job = *std::move(job)](SnapshotWriter& out) mutable {
      absl::Status written = out.WriteRecord(EncodeZxid(applied));
      return written.ok() ? job(out) : written;
    });
  }
  absl::Status Restore(SnapshotReader& in) override {
    std::string record;
    if (absl::StatusOr<bool> more = in.ReadRecord(&record); !more.ok()) return more.status();
    const std::optional<Zxid> applied = DecodeZxid(record);
    if (!applied) return absl::DataLossError("not a snapshot that a SimCluster has taken");
    absl::Status restored = inner_->Restore(in);
    if (restored.ok()) server_.AfterRestore(applied_ = *applied);
    return restored;
  }
  absl::StatusOr<Zxid> Open() override {
    absl::StatusOr<Zxid> applied = inner_->Open();
    if (applied.ok()) applied_ = *applied;
    return applied;
  }

 private:
  SimServer& server_;
  const std::unique_ptr<StateMachine> inner_;
  Zxid applied_ = {};
};

class WatchedLog final : public LogSink {
 public:
  WatchedLog(SimServer* server, SimTrace* trace, std::shared_ptr<LogSink> user)
      : server_(*server), trace_(*trace), user_(std::move(user)) {}
  void Log(LogLevel level, ServerId self, std::string_view line) override {
    server_.MarkChanged();
    trace_.OnLine(self, line);
    if (user_ != nullptr) user_->Log(level, self, line);
  }

 private:
  SimServer& server_;
  SimTrace& trace_;
  const std::shared_ptr<LogSink> user_;
};

}  // namespace

SimServer::SimServer(const World* world, ServerId sid)
    : world_(*world), sid_(sid), clock_(std::make_shared<SimClock>(world->scheduler)) {
  disk_->Observe([this](const Operation& operation) { return Judge(operation); });
  disk_->SetWitness([this](const Operation& operation) { Witness(operation); });
  disk_->ObserveReads([this](const std::string&) { return JudgeRead(); });
}

SimServer::~SimServer() {
  if (up()) Crash(CrashMode::kProcess);
}

// --- lives ---------------------------------------------------------------------------

ReplicaOptions SimServer::Options() {
  executor_ = std::make_shared<SimExecutor>(world_.scheduler);
  blocking_ = std::make_shared<SimExecutor>(world_.scheduler);
  ReplicaOptions options;
  options.log_segment_bytes = 64 << 10;
  if (world_.options->adjust) world_.options->adjust(sid_, &options);
  options.id = sid_;
  options.members.clear();
  for (int id = 1; id <= world_.options->servers; ++id) options.members.push_back({ServerId(id)});
  options.data_dir = "data";
  options.transport = world_.network->NewTransport();
  options.log_sink = std::make_shared<WatchedLog>(this, world_.trace, options.log_sink);
  options.state_machine = nullptr;
  options.env = {.clock = clock_,
                 .executor = executor_,
                 .blocking_executor = blocking_,
                 .random = std::make_shared<SimRandom>(world_.scheduler->random().Next()),
                 .file_system = disk_};
  if (world_.make) {
    std::unique_ptr<StateMachine> machine = world_.make(sid_);
    if (machine != nullptr) {
      options.state_machine = std::make_unique<WatchedMachine>(this, std::move(machine));
    }
  }
  ++life_;
  tick_ = options.tick;
  silence_ = options.tick * options.sync_limit;
  patience_ = options.tick * std::max(options.init_limit, options.sync_limit);
  return options;
}

runtime::Tuning SimServer::Tuning() const {
  runtime::Tuning tuning;
  const SimClusterOptions& options = *world_.options;
  if (options.proposed_bytes_max != 0) tuning.outstanding_bytes_max = options.proposed_bytes_max;
  if (options.learner_bytes_max != 0) tuning.credit_bytes = options.learner_bytes_max;
  if (options.diff_transactions_max != 0) tuning.diff_txns_max = options.diff_transactions_max;
  if (options.log_batch_bytes_max != 0) tuning.log_batch_bytes_max = options.log_batch_bytes_max;
  if (options.epoch_transactions != 0) tuning.rollover_counter = options.epoch_transactions;
  return tuning;
}

absl::Status SimServer::Start() {
  if (up()) return absl::OkStatus();
  // Time passes while it waits for its disk, and who is called meanwhile may ask again.
  if (executor_ != nullptr) return absl::UnavailableError("it is being started");
  world_.observer->OnStarting(sid_);
  Unsettle();
  auto started = runtime::StartReplica(Options(), Tuning());
  if (started.ok()) replica_ = *std::move(started);
  if (dying_) {
    Crash(crash_mode_);
    return absl::UnavailableError("the process died while it started");
  }
  world_.observer->OnStarted(sid_, started.status());
  if (!up()) {
    Crash(CrashMode::kProcess);
    return started.status();
  }
  // At once: much may have been told to it before anybody looks again.
  world_.observer->OnStatus(sid_, replica_->Status());
  if (full_) Excuse("the disk is full");
  return absl::OkStatus();
}

void SimServer::Crash(CrashMode mode) {
  if (executor_ == nullptr) return;
  if (shuts_down_) return Die(mode);  // the Shutdown that waits buries it
  executor_->Stop();
  blocking_->Stop();
  world_.network->Crash(sid_);
  while (!late_.empty()) TellLate(late_.begin()->first);
  if (dying_ && died_at_step_ < world_.scheduler->steps()) {
    Unsettle();
    HeldUp(world_.scheduler->now());
  }
  if (paused_) Pause(false);
  down_since_ = world_.scheduler->now();
  switch (mode) {
    case CrashMode::kProcess:
      disk_->KillProcess();
      break;
    case CrashMode::kPower:
      disk_->Crash();
      break;
    case CrashMode::kTorn:
      disk_->CrashTorn(world_.scheduler->random());
      break;
  }
  world_.observer->OnCrashed(sid_, *disk_);
  dying_ = false;
  die_in_ = 0;
  // Down first: the end of the replica ends its calls, and a callback may do anything.
  const std::shared_ptr<SimExecutor> executor = std::move(executor_);
  const std::shared_ptr<SimExecutor> blocking = std::move(blocking_);
  std::unique_ptr<Replica> replica = std::move(replica_);
  replica.reset();
  HeldUp(down_since_);  // last: a crash excuses no call that is late already
}

absl::Status SimServer::Shutdown(absl::Duration grace) {
  shuts_down_ = true;
  absl::Status status = replica_->Shutdown(grace);
  shuts_down_ = false;
  Crash(dying_ ? crash_mode_ : CrashMode::kProcess);
  return status;
}

// --- dying in the middle of something ----------------------------------------------------

void SimServer::CrashAtDisk(uint64_t operations, CrashMode mode, std::optional<Step> step) {
  disk_kills_by_ = mode;
  die_in_ = operations;
  die_at_step_ = step;
}

void SimServer::CrashAtSend(uint64_t messages, CrashMode mode) {
  send_kills_by_ = mode;
  world_.network->KillAfterSends(sid_, messages);
}

void SimServer::Die(CrashMode mode) {
  if (executor_ == nullptr || std::exchange(dying_, true)) return;
  crash_mode_ = mode;
  died_at_step_ = world_.scheduler->steps();
  executor_->Stop();
  blocking_->Stop();
  disk_->CrashBefore(disk_->operations() + 1);
  world_.network->KillAfterSends(sid_, 0);
}

// --- faults -------------------------------------------------------------------------------

void SimServer::Pause(bool paused) {
  if (executor_ == nullptr) return;
  if (std::exchange(paused_, paused) == paused) return;
  Unsettle();
  if (!paused) {
    HeldUp(world_.scheduler->now());
    world_.observer->OnResumed(sid_);
  }
  world_.network->SetPaused(sid_, paused);
  for (SimExecutor* executor : {executor_.get(), blocking_.get()}) {
    if (paused) {
      executor->Pause();
    } else {
      executor->Resume();
    }
  }
}

// Until the server has run for kExcuseLasts after the fault.
void SimServer::Excuse(std::string_view why) {
  world_.observer->OnExcused(sid_, why);
  const uint64_t excuse = ++excuses_;
  EndExcuse(excuse, std::max(world_.scheduler->now(), blocked_until_) + kExcuseLasts);
}

void SimServer::EndExcuse(uint64_t excuse, absl::Duration when) {
  world_.scheduler->After(when - world_.scheduler->now(), [this, excuse] {
    if (excuse != excuses_ || full_) return;  // another one holds, or this one still
    const absl::Duration held = held_up_until();
    const absl::Duration now = world_.scheduler->now();
    if (held + kExcuseLasts > now) return EndExcuse(excuse, held + kExcuseLasts);
    if (up() && !paused_) world_.observer->OnExcuseEnds(sid_);
  });
}

void SimServer::HeldUp(absl::Duration until) { held_up_until_ = std::max(held_up_until_, until); }

void SimServer::FailApply() { fail_apply_ = true; }

void SimServer::StallDisk(absl::Duration duration) {
  stalled_until_ = std::max(stalled_until_, world_.scheduler->now() + duration);
}

void SimServer::FailDisk(Step step) { fail_ = step; }
void SimServer::FailRead() { fail_read_ = true; }

void SimServer::FillDisk(bool full) {
  const bool was_full = std::exchange(full_, full);
  if (full || was_full) Excuse("the disk is full, or was");
  disk_->SetCapacity(full ? 0 : kNever);
}

bool SimServer::WipeDisk() {
  if (disk_->Files().empty()) return false;
  disk_->Wipe();
  world_.observer->OnWiped(sid_);
  return true;
}

// Whether that has changed anything.
bool SimServer::Damage(const std::string& path, const std::function<void(std::string*)>& change) {
  absl::StatusOr<std::string> contents = disk_->Contents(path);
  if (!contents.ok()) return false;
  const std::string before = *contents;
  change(&*contents);
  if (*contents == before) return false;
  world_.observer->OnDamaged(sid_);
  disk_->SetContents(path, *std::move(contents));
  return true;
}

bool SimServer::FlipBit(const std::string& path, uint64_t offset, int bit) {
  return Damage(path, [&](std::string* bytes) {
    if (offset >= bytes->size()) return;
    (*bytes)[offset] = static_cast<char>((*bytes)[offset] ^ (1 << bit));
  });
}

bool SimServer::LoseSector(const std::string& path, uint64_t offset) {
  return Damage(path, [&](std::string* bytes) {
    if (offset >= bytes->size()) return;
    const size_t size = std::min(kSector, bytes->size() - offset);
    bytes->replace(offset, size, size, '\0');
  });
}

bool SimServer::OverwriteSector(const std::string& path, uint64_t offset, uint64_t from) {
  return Damage(path, [&](std::string* bytes) {
    if (std::max(offset, from) >= bytes->size()) return;
    const std::string astray = bytes->substr(from, std::min(kSector, bytes->size() - offset));
    bytes->replace(offset, astray.size(), astray);
  });
}

void SimServer::OnWritten(const Operation& operation) {
  const absl::Duration now = world_.scheduler->now();
  while (!fresh_.empty() && fresh_.front().at + kSettles <= now) fresh_.pop_front();
  fresh_.push_back(
      {operation.path, operation.offset, operation.offset + operation.bytes.size(), now});
}

// It did not run: what was fresh before is fresh still.
void SimServer::Unsettle() {
  for (Fresh& fresh : fresh_) fresh.at = world_.scheduler->now();
}

bool SimServer::Settled(const std::string& path, uint64_t offset) const {
  const absl::Duration since = (up() ? world_.scheduler->now() : down_since_) - kSettles;
  return std::none_of(fresh_.begin(), fresh_.end(), [&](const Fresh& fresh) {
    return fresh.at > since && fresh.path == path && offset >= fresh.begin && offset < fresh.end;
  });
}

void SimServer::Heal() {
  Pause(false);
  clock_->SetRate(1);
  fail_.reset();
  fail_read_ = fail_apply_ = false;
  apply_takes_ = extra_per_sync_ = longest_read_ = stalled_until_ = absl::ZeroDuration();
  die_in_ = 0;
  world_.network->KillAfterSends(sid_, kNever);
  FillDisk(false);
}

// Asked before each operation of the disk, inside the call that wants it.
Verdict SimServer::Judge(const Operation& operation) {
  const bool counts = !die_at_step_ || *die_at_step_ == operation.step;
  if (die_in_ != 0 && counts && --die_in_ == 0) {
    Die(disk_kills_by_);
    return Verdict::kCrash;
  }
  if (fail_ == operation.step) {
    fail_.reset();
    Excuse("an operation of the disk fails");
    return Verdict::kFail;
  }
  const bool syncs = operation.step == Step::kSync || operation.step == Step::kSyncDirectory;
  Block(Stalled() + (syncs ? world_.options->sync_delay + extra_per_sync_ : absl::ZeroDuration()));
  return Verdict::kProceed;
}

Verdict SimServer::JudgeRead() {
  absl::Duration takes = Stalled();
  if (longest_read_ > absl::ZeroDuration()) {
    takes += longest_read_ * (static_cast<double>(world_.scheduler->random().Below(1000)) / 1000);
  }
  KeepFromApplying(takes);  // it may read what is to be applied
  if (!std::exchange(fail_read_, false)) return Verdict::kProceed;
  Excuse("a read of the disk fails");
  return Verdict::kFail;
}

// A task that blocks ends too early in virtual time: what it does to the disk after
// that is told at the time at which it would have done it. So nobody may act on a sync
// that still runs.
void SimServer::Witness(const Operation& operation) {
  if (operation.step == Step::kWrite) OnWritten(operation);
  if (world_.scheduler->charged() == absl::ZeroDuration())
    return world_.observer->OnDisk(sid_, operation);
  late_[operation.number] = {operation, std::string(operation.bytes)};
  world_.scheduler->After(absl::ZeroDuration(),
                          [this, number = operation.number] { TellLate(number); });
}

void SimServer::TellLate(uint64_t number) {
  auto late = late_.extract(number);
  if (late.empty()) return;
  late.mapped().operation.bytes = late.mapped().bytes;
  world_.observer->OnDisk(sid_, late.mapped().operation);
}

absl::Duration SimServer::Stalled() const {
  return std::max(stalled_until_ - world_.scheduler->now(), absl::ZeroDuration());
}

void SimServer::Block(absl::Duration duration) {
  if (duration <= absl::ZeroDuration()) return;
  world_.scheduler->Charge(duration);
  blocked_until_ = std::max(blocked_until_, world_.scheduler->now());
}

void SimServer::KeepFromApplying(absl::Duration duration) {
  if (duration <= absl::ZeroDuration()) return;
  Block(duration);
  kept_from_applying_until_ = std::max(kept_from_applying_until_, world_.scheduler->now());
}

absl::Duration SimServer::held_up_until() const {
  // After a leap of its clock everything is late at once.
  return paused_ ? world_.scheduler->now() : std::max(held_up_until_, clock_->set_at());
}

bool SimServer::calm() const {
  const absl::Duration now = world_.scheduler->now();
  const absl::Duration slow = std::max(apply_takes_, longest_read_);
  const absl::Duration held = std::max(
      {held_up_until(), blocked_until_ - sync_takes(), stalled_until_, kept_from_applying_until_});
  const bool fails = fail_ || fail_read_ || fail_apply_ || full_ || dying_ || shuts_down_;
  return up() && !fails && slow == absl::ZeroDuration() && held < now && clock_->rate() == 1;
}

absl::Status SimServer::BeforeApply() {
  if (std::exchange(fail_apply_, false)) {
    Excuse("an Apply fails");
    return absl::InternalError("told to fail");
  }
  if (apply_takes_ > absl::ZeroDuration() && world_.scheduler->charged() < kAppliesAtOnce) {
    KeepFromApplying(apply_takes_);
    HeldUp(blocked_until_);  // a reply that is made now is told then
  }
  return absl::OkStatus();
}

void SimServer::AfterApply(const Transaction& txn, std::string_view reply) {
  world_.observer->OnApplied(sid_, txn, reply);
  changed_ = true;
}

void SimServer::AfterRestore(Zxid applied) {
  world_.observer->OnRestored(sid_, applied);
  changed_ = true;
}

}  // namespace zkq::testing
