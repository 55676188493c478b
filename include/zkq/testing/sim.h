// Virtual time: real replicas on one thread, with every wait taking no time at
// all and every run of a seed going the same way.
//
//   SimScheduler scheduler(seed);
//   zkq::Env env = {.clock = std::make_shared<SimClock>(&scheduler),
//                   .executor = std::make_shared<SimExecutor>(&scheduler), …};
//   scheduler.RunUntil([&] { return leader != nullptr; }, absl::Seconds(10));
//
// A task is atomic at one instant. A call inside it that would block (a slow
// fsync) charges its duration instead: what the task queues from there on comes
// that much later.
//
// Threads: one, for all of it. A scheduler outlives what was made on it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "zkq/env.h"

namespace zkq::testing {
inline namespace v1 {

// Pseudo-random numbers (splitmix64), the same on every machine.
class ZKQ_EXPORT SimRandom final : public Random {
 public:
  explicit SimRandom(uint64_t seed) : state_(seed) {}
  uint64_t Next() override;
  // Evenly from 0 to bound - 1; 0 if bound is 0.
  uint64_t Below(uint64_t bound) { return bound == 0 ? 0 : Next() % bound; }

 private:
  uint64_t state_;
};

// The tasks of a simulated world, ordered by time, and at one instant by when
// they were queued.
class ZKQ_EXPORT SimScheduler {
 public:
  using Task = Executor::Task;
  explicit SimScheduler(uint64_t seed) : random_(seed) {}
  SimScheduler(const SimScheduler&) = delete;
  SimScheduler& operator=(const SimScheduler&) = delete;
  // What still waits is destroyed; what that queues is dropped.
  ~SimScheduler();

  // Since the world began; inside a task with what it has charged so far.
  absl::Duration now() const { return now_ + charged_; }
  SimRandom& random() { return random_; }

  // Queues `task` after all others of the instant now() + delay. The id is
  // never 0 and names no other task, ever.
  uint64_t After(absl::Duration delay, Task task) { return Add(delay, std::move(task), nullptr); }
  // True: the task will not run. It is destroyed before this returns.
  bool Cancel(uint64_t id);

  // Runs tasks until condition() holds or `limit` of virtual time has passed,
  // and returns condition(). Inside a task nothing can run: it only looks.
  bool RunUntil(absl::FunctionRef<bool()> condition, absl::Duration limit);
  // Runs everything that is due in `duration`.
  void RunFor(absl::Duration duration);

  // The running task has been blocked for `duration`.
  void Charge(absl::Duration duration);
  bool InTask() const { return in_task_; }
  absl::Duration charged() const { return charged_; }  // inside a task
  // Tasks run so far; equal in two runs of one seed.
  uint64_t steps() const { return steps_; }

 private:
  friend class SimExecutor;
  struct Due {
    absl::Duration when;
    uint64_t order = 0;
    uint64_t id = 0;
  };
  // What a process does with its tasks; shared with them.
  struct Process {
    bool in_task = false;
    bool stopped = false;
    bool paused = false;
    std::vector<Due> waiting = {};  // came due while it was paused
  };
  // A task has a slot until it runs or is cancelled; `id` tells whose it is.
  struct Slot {
    uint64_t id = 0;  // 0: free
    std::shared_ptr<Process> process = nullptr;
    Task task = nullptr;
  };
  static bool Later(const Due& a, const Due& b) {
    return a.when != b.when ? a.when > b.when : a.order > b.order;
  }

  uint64_t Add(absl::Duration delay, Task task, std::shared_ptr<Process> process);
  Slot* Find(uint64_t id);
  Slot Take(Slot* slot);
  void Push(const Due& due);
  bool NextIsDue(absl::Duration end);  // drops what was cancelled on the way
  void RunNext();
  void Run(Slot slot);
  void Resume(Process* process);
  void CancelAll(const Process* process);

  SimRandom random_;
  absl::Duration now_ = absl::ZeroDuration();
  absl::Duration charged_ = absl::ZeroDuration();
  bool in_task_ = false;
  bool ending_ = false;  // nothing is queued any more
  uint64_t added_ = 0;
  uint64_t steps_ = 0;
  std::vector<Due> due_;  // a heap; the ids of cancelled tasks stay until their time
  std::deque<Slot> slots_;
  std::vector<size_t> free_slots_;
};

// The clocks of one simulated machine.
class ZKQ_EXPORT SimClock final : public Clock {
 public:
  // Its wall clock is so much ahead, whatever is done to it.
  explicit SimClock(const SimScheduler* scheduler, absl::Duration ahead = absl::ZeroDuration())
      : scheduler_(scheduler), ahead_(ahead) {}
  absl::Duration Monotonic() override;
  // 2025-01-01 when the world begins.
  absl::Time Wall() override;

  // Wall clocks may jump either way; the monotonic one does not follow.
  void SetWallOffset(absl::Duration offset);
  // From now on monotonic time goes by `rate` times as fast; 0 or less: it stands still.
  void SetRate(double rate);
  // Monotonic time goes forward by `duration` at once, as when a machine was asleep.
  void Jump(absl::Duration duration);
  // When one of these two was last called, in the scheduler's time, and when the wall clock was
  // set.
  absl::Duration set_at() const { return since_; }
  absl::Duration wall_set_at() const { return wall_set_at_; }
  double rate() const { return rate_; }

 private:
  const SimScheduler* const scheduler_;
  const absl::Duration ahead_;
  absl::Duration wall_offset_ = absl::ZeroDuration();
  absl::Duration wall_set_at_ = absl::ZeroDuration();
  double rate_ = 1;
  absl::Duration since_ = absl::ZeroDuration();  // of the world, when `then_` was shown
  absl::Duration then_ = absl::ZeroDuration();
};

// An executor of one simulated process.
class ZKQ_EXPORT SimExecutor final : public Executor {
 public:
  explicit SimExecutor(SimScheduler* scheduler);
  ~SimExecutor() override { Stop(); }

  void Run(Task task) override { RunAfter(absl::ZeroDuration(), std::move(task)); }
  uint64_t RunAfter(absl::Duration delay, Task task) override;
  bool Cancel(uint64_t timer) override;
  // Moves virtual time on, for everybody. After Stop, and inside any task of
  // the world, it only looks.
  bool Await(absl::FunctionRef<bool()> done, absl::Duration timeout) override;
  void Wake() override {}
  bool InTask() const override { return process_->in_task; }

  // As by SIGSTOP: no task runs. Those that come due meanwhile run with Resume, in
  // the order they came due. Idempotent.
  void Pause() { process_->paused = true; }
  void Resume();
  // The process is dead: no task of it runs any more, those that are queued are
  // destroyed, later ones dropped. Idempotent.
  void Stop();

 private:
  SimScheduler* const scheduler_;
  const std::shared_ptr<SimScheduler::Process> process_;
};

}  // namespace v1
}  // namespace zkq::testing
