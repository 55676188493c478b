// Timers: the transport's one thread of its own. Dials, knocks, watches
// handshakes, and tells the receiver what a public call brought about, since a
// receiver is never called inside the caller's own call.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace zkq::transport {

class Timers {
 public:
  using Task = absl::AnyInvocable<void() &&>;

  ~Timers() { Stop(); }

  // Starts the thread; tasks queued before wait for it. Once. False: no thread can be had.
  [[nodiscard]] bool Start();
  // Queues `task`; never runs it inside this call. Bound: a handful for each
  // link and each peer. After Stop tasks are dropped without being run.
  void Run(Task task) { RunAfter(absl::ZeroDuration(), std::move(task)); }
  void RunAfter(absl::Duration delay, Task task);
  // Waits for the running task and drops the others. Idempotent; not from a task.
  void Stop();

 private:
  using Clock = std::chrono::steady_clock;
  void Loop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Clock::time_point, Task> tasks_;  // those of one instant: in order
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace zkq::transport
