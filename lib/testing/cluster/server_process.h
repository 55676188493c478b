// ServerProcess: the process of one simulated server. Each of its lives has executors, a
// transport, a state machine and a replica of its own; disk and clock are the machine's.
//
// Told to die at some instant, it does nothing from there on, in the middle of whatever it
// does. The crash is completed by Bury, outside of all tasks.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "lib/runtime/tuning.h"
#include "lib/testing/cluster/excuses.h"
#include "lib/testing/cluster/faulty_disk.h"
#include "lib/testing/cluster/faulty_machine.h"
#include "lib/testing/cluster/shared.h"

namespace zkq::testing {

class ServerProcess {
 public:
  // What it stands on, and outlives it.
  struct Machine {
    std::shared_ptr<SimClock> clock;
    FaultyDisk* disk;
    FaultyMachine* state_machine;
    Excuses* excuses;
    std::vector<Member> members;  // as it is configured with
  };
  ServerProcess(const Shared* shared, ServerId sid, Machine machine)
      : shared_(*shared), sid_(sid), machine_(std::move(machine)) {}

  absl::Status Start();
  void Crash(CrashMode mode);  // nothing, when there is no process
  absl::Status Shutdown(absl::Duration grace);
  void Pause(bool paused);
  void Heal();  // it goes on, and is not to die

  bool up() const { return replica_ != nullptr; }
  bool there() const { return executor_ != nullptr; }  // up, or being started
  bool paused() const { return paused_; }
  // It is up, and neither dies nor shuts down.
  bool steady() const { return up() && !death_ && !shuts_down_; }
  Replica& replica() { return *replica_; }
  uint64_t life() const { return life_; }  // another one after each start

  // --- dying in the middle of something --------------------------------------------------
  void CrashAtSend(uint64_t messages, CrashMode mode);
  void Die(CrashMode mode);
  void DieOfSending() { Die(send_kills_by_); }
  bool dying() const { return death_.has_value(); }
  void Bury() { Crash(death_->mode); }

  // By the options of its last start.
  struct Limits {
    absl::Duration tick = absl::ZeroDuration();
    absl::Duration silence = absl::ZeroDuration();    // for which it lets a link be silent
    absl::Duration handshake = absl::ZeroDuration();  // that one may take
    absl::Duration patience = absl::ZeroDuration();   // with a silent peer
  };
  const Limits& limits() const { return limits_; }

  // Something has happened that its status may tell, since this was asked last.
  bool TakeChanged() { return std::exchange(changed_, false); }

 private:
  class WatchedLog;
  ReplicaOptions Options();
  Env NewEnv();
  runtime::Tuning Tuning() const;
  void Release();

  const Shared& shared_;
  const ServerId sid_;
  const Machine machine_;
  std::shared_ptr<SimExecutor> executor_ = nullptr;  // none: there is no process
  std::shared_ptr<SimExecutor> blocking_ = nullptr;
  std::unique_ptr<Replica> replica_ = nullptr;
  Limits limits_ = {};
  uint64_t life_ = 0;
  bool paused_ = false;
  bool shuts_down_ = false;
  bool changed_ = false;

  struct Death {
    CrashMode mode = CrashMode::kPower;
    uint64_t at_step = 0;  // what runs after that does so without it
    absl::Duration at = absl::ZeroDuration();
  };
  std::optional<Death> death_ = {};
  CrashMode send_kills_by_ = CrashMode::kPower;
};

}  // namespace zkq::testing
