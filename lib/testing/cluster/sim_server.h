// SimServer: one simulated machine: its disk and clock, the process that runs on
// it, and the faults of all three. A process life has executors, a transport and a
// replica of its own; the machine keeps disk and clock.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "lib/runtime/tuning.h"
#include "zkq/testing/sim_cluster.h"

namespace zkq::testing {

class SimTrace;

class SimServer {
 public:
  // What all servers of a cluster share.
  struct World {
    SimScheduler* scheduler = nullptr;
    SimNetwork* network = nullptr;
    SimObserver* observer = nullptr;
    SimTrace* trace = nullptr;
    const SimClusterOptions* options = nullptr;
    SimCluster::MakeStateMachine make = nullptr;
  };
  SimServer(const World* world, ServerId sid);
  ~SimServer();

  absl::Status Start();
  void Crash(CrashMode mode);
  absl::Status Shutdown(absl::Duration grace);
  bool up() const { return replica_ != nullptr; }
  Replica& replica() { return *replica_; }

  // Told to die at some instant, it does nothing from there on, in the middle of
  // whatever it does; Bury, outside of all tasks, completes the crash.
  void CrashAtDisk(uint64_t operations, CrashMode mode, std::optional<MemoryFileSystem::Step> step);
  void CrashAtSend(uint64_t messages, CrashMode mode);
  void Die(CrashMode mode);
  void DieOfSending() { Die(send_kills_by_); }
  bool dying() const { return dying_; }
  void Bury() { Crash(crash_mode_); }

  void Pause(bool paused);
  void SlowApply(absl::Duration duration) { apply_takes_ = duration; }
  void FailApply();
  void SlowDisk(absl::Duration per_sync) { extra_per_sync_ = per_sync; }
  void SlowReads(absl::Duration longest) { longest_read_ = longest; }
  void StallDisk(absl::Duration duration);
  void FailDisk(MemoryFileSystem::Step step);
  void FailRead();
  void FillDisk(bool full);
  bool WipeDisk();
  bool FlipBit(const std::string& path, uint64_t offset, int bit);
  bool LoseSector(const std::string& path, uint64_t offset);
  bool OverwriteSector(const std::string& path, uint64_t offset, uint64_t from);
  bool Settled(const std::string& path, uint64_t offset) const;
  void Heal();
  // When the last call that was ever held up goes on: healing does not wake it.
  absl::Duration blocked_until() const { return blocked_until_; }
  // When a slow read or Apply was last over.
  absl::Duration kept_from_applying_until() const { return kept_from_applying_until_; }
  // How long it bears with a silent peer, by the options of its last start.
  absl::Duration patience() const { return patience_; }
  absl::Duration tick() const { return tick_; }
  // How long it lets a link be silent.
  absl::Duration silence() const { return silence_; }
  // Of its disk, now.
  absl::Duration sync_takes() const { return world_.options->sync_delay + extra_per_sync_; }
  uint64_t life() const { return life_; }  // another one after each start
  // Nothing keeps it from its work, but a disk that is slow to sync.
  bool calm() const;
  // When it was last kept from doing what was due: paused, down, or in a slow Apply.
  absl::Duration held_up_until() const;

  MemoryFileSystem& disk() { return *disk_; }
  SimClock& clock() { return *clock_; }

  // Something happened that its status may tell; reading it takes the mark away.
  bool TakeChanged() { return std::exchange(changed_, false); }
  void MarkChanged() { changed_ = true; }

  // For the state machine that stands before the user's.
  absl::Status BeforeApply();
  void AfterApply(const Transaction& txn, std::string_view reply);
  void AfterRestore(Zxid applied);

 private:
  ReplicaOptions Options();
  runtime::Tuning Tuning() const;
  MemoryFileSystem::Verdict Judge(const MemoryFileSystem::Operation& operation);
  void Excuse(std::string_view why);
  void EndExcuse(uint64_t excuse, absl::Duration when);
  void HeldUp(absl::Duration until);
  MemoryFileSystem::Verdict JudgeRead();
  bool Damage(const std::string& path, const std::function<void(std::string*)>& change);
  void OnWritten(const MemoryFileSystem::Operation& operation);
  void Unsettle();
  void Witness(const MemoryFileSystem::Operation& operation);
  void TellLate(uint64_t number);
  absl::Duration Stalled() const;
  void Block(absl::Duration duration);
  void KeepFromApplying(absl::Duration duration);

  const World& world_;
  const ServerId sid_;
  const std::shared_ptr<MemoryFileSystem> disk_ = std::make_shared<MemoryFileSystem>();
  const std::shared_ptr<SimClock> clock_;
  std::shared_ptr<SimExecutor> executor_ = nullptr;  // of the present life
  std::shared_ptr<SimExecutor> blocking_ = nullptr;
  std::unique_ptr<Replica> replica_ = nullptr;

  // A write after which the server has not run for long enough yet.
  struct Fresh {
    std::string path;
    uint64_t begin = 0;
    uint64_t end = 0;
    absl::Duration at = absl::ZeroDuration();
  };
  std::deque<Fresh> fresh_ = {};  // oldest first

  // By number: what took place in a task that is blocked, told when that has ended.
  struct Late {
    MemoryFileSystem::Operation operation = {};
    std::string bytes = {};
  };
  std::map<uint64_t, Late> late_ = {};

  absl::Duration patience_ = absl::ZeroDuration();
  absl::Duration tick_ = absl::ZeroDuration();
  absl::Duration silence_ = absl::ZeroDuration();
  uint64_t life_ = 0;
  bool shuts_down_ = false;
  bool dying_ = false;
  uint64_t died_at_step_ = 0;                 // what runs after that does so without it
  CrashMode crash_mode_ = CrashMode::kPower;  // of which it is dying
  CrashMode disk_kills_by_ = CrashMode::kPower;
  CrashMode send_kills_by_ = CrashMode::kPower;
  uint64_t die_in_ = 0;  // before the disk's operation so many from now; 0: at none
  std::optional<MemoryFileSystem::Step> die_at_step_ = {};  // counting only these
  std::optional<MemoryFileSystem::Step> fail_ = {};
  bool fail_read_ = false;
  bool fail_apply_ = false;
  bool full_ = false;
  absl::Duration apply_takes_ = absl::ZeroDuration();
  absl::Duration extra_per_sync_ = absl::ZeroDuration();
  absl::Duration stalled_until_ = absl::ZeroDuration();
  absl::Duration longest_read_ = absl::ZeroDuration();
  absl::Duration blocked_until_ = absl::ZeroDuration();
  absl::Duration kept_from_applying_until_ = absl::ZeroDuration();
  absl::Duration held_up_until_ = absl::ZeroDuration();
  absl::Duration down_since_ = absl::ZeroDuration();
  uint64_t excuses_ = 0;
  bool paused_ = false;
  bool changed_ = false;
};

}  // namespace zkq::testing
