#include "lib/transport/timers.h"

#include <system_error>
#include <utility>

namespace zkq::transport {

bool Timers::Start() {
  try {
    thread_ = std::thread([this] { Loop(); });
  } catch (const std::system_error&) {  // out of threads
    return false;
  }
  return true;
}

void Timers::RunAfter(absl::Duration delay, Task task) {
  const auto at = Clock::now() + absl::ToChronoNanoseconds(delay);
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  const auto added = tasks_.emplace(at, std::move(task));
  if (added == tasks_.begin()) changed_.notify_one();
}

void Timers::Stop() {
  std::multimap<Clock::time_point, Task> dropped;  // destroyed outside the lock
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(tasks_);
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Timers::Loop() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (tasks_.empty()) {
      changed_.wait(lock);
    } else if (tasks_.begin()->first > Clock::now()) {
      changed_.wait_until(lock, tasks_.begin()->first);
    } else {
      Task task = std::move(tasks_.extract(tasks_.begin()).mapped());
      lock.unlock();
      std::move(task)();
      task = nullptr;
      lock.lock();
    }
  }
}

}  // namespace zkq::transport
