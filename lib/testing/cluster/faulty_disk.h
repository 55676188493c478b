// FaultyDisk: the disk of one simulated machine, its faults, and what observers are told of it.
//
// It outlives the processes that use it. The lasting faults end with Heal, the others when they
// have struck once.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/testing/cluster/excuses.h"
#include "lib/testing/cluster/shared.h"

namespace zkq::testing {

// Where each replica has its files. All else on a disk is its state machine's.
inline constexpr char kDataDir[] = "data";

class FaultyDisk {
 public:
  using Step = MemoryFileSystem::Step;
  using Operation = MemoryFileSystem::Operation;
  // `kill` is called inside the operation at which the process has to die.
  FaultyDisk(const Shared* shared, ServerId sid, Excuses* excuses,
             std::function<void(CrashMode)> kill);

  const std::shared_ptr<MemoryFileSystem>& files() const { return files_; }

  // --- one after the other: see SimServer ------------------------------------------------
  void Lose();
  bool Insert(size_t n);
  size_t disks() const { return disks_.size(); }
  size_t present() const { return present_; }

  // --- faults: see SimServer -----------------------------------------------------------
  void CrashAt(uint64_t operations, CrashMode mode, std::optional<Step> step);
  void Slow(absl::Duration per_sync) { extra_per_sync_ = per_sync; }
  void SlowReads(absl::Duration longest) { longest_read_ = longest; }
  void Stall(absl::Duration duration);
  void Fail(Step step) { fail_ = step; }
  void FailRead() { fail_read_ = true; }
  void Fill(bool full);
  bool Wipe();
  bool FlipBit(const std::string& path, uint64_t offset, int bit);
  bool LoseSector(const std::string& path, uint64_t offset);
  bool OverwriteSector(const std::string& path, uint64_t offset, uint64_t from);
  void Heal();

  // --- lives of the process -------------------------------------------------------------
  // Starting and standing still settle nothing: what was fresh before is fresh still.
  void Unsettle();
  void OnUp() { down_since_.reset(); }
  void Stop();      // nothing more is done to it, in the middle of a task
  void TellLate();  // what was done in a task that is blocked, all of it
  void Crash(CrashMode mode);

  bool Settled(const std::string& path, uint64_t offset) const;
  // After how long something else vouches for what was written; that has to be synced, too.
  absl::Duration Settles() const;
  bool full() const { return full_; }
  // Of one sync, now.
  absl::Duration sync_takes() const { return shared_.options->sync_delay + extra_per_sync_; }
  // When the last sync ends that was ever begun, however quick the disk is by now; a disk that
  // stalls does not sync.
  absl::Duration syncing_until() const { return syncing_until_; }
  // No fault is left, but that it is slow to sync.
  bool calm() const;

 private:
  MemoryFileSystem::Verdict Judge(const Operation& operation);
  MemoryFileSystem::Verdict JudgeRead();
  void Witness(const Operation& operation);
  void Tell(uint64_t number);
  void OnWritten(const Operation& operation);
  bool Damage(const std::string& path, const std::function<void(std::string*)>& change);
  absl::Duration Stalled() const;

  const Shared& shared_;
  const ServerId sid_;
  Excuses& excuses_;
  const std::function<void(CrashMode)> kill_;
  void Watch();

  std::shared_ptr<MemoryFileSystem> files_ = std::make_shared<MemoryFileSystem>();
  std::vector<std::shared_ptr<MemoryFileSystem>> disks_{files_};  // all that there were
  size_t present_ = 0;

  // When the process is to die.
  struct Kill {
    uint64_t in = 0;  // before the operation so many from now; 0: at none
    CrashMode mode = CrashMode::kPower;
    std::optional<Step> step = {};  // counting only these
  };
  Kill kill_at_ = {};
  std::optional<Step> fail_ = {};
  bool fail_read_ = false;
  bool full_ = false;
  absl::Duration extra_per_sync_ = absl::ZeroDuration();
  absl::Duration longest_read_ = absl::ZeroDuration();
  absl::Duration stalled_until_ = absl::ZeroDuration();
  absl::Duration syncing_until_ = absl::ZeroDuration();

  // A write after which the server has not run for long enough yet.
  struct Fresh {
    std::string path;
    uint64_t begin = 0;
    uint64_t end = 0;
    absl::Duration at = absl::ZeroDuration();
  };
  std::deque<Fresh> fresh_ = {};                                     // oldest first
  std::optional<absl::Duration> down_since_ = absl::ZeroDuration();  // none: it is up

  // By number: what took place in a task that is blocked, told when that has ended.
  struct Late {
    Operation operation = {};
    std::string bytes = {};
  };
  std::map<uint64_t, Late> late_ = {};
};

}  // namespace zkq::testing
