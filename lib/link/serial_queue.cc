#include "lib/link/serial_queue.h"

#include <utility>

namespace zkq::link {

bool Gate::Enter() {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  ++inside_;
  return true;
}

void Gate::Leave() {
  const std::lock_guard lock(mutex_);
  if (--inside_ == 0 && closed_) left_.notify_all();
}

void Gate::Close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  left_.wait(lock, [this] { return inside_ == 0; });
}

void SerialQueue::Add(Task task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
}

void SerialQueue::Drain() {
  std::unique_lock lock(mutex_);
  if (running_) return;
  running_ = true;
  while (!tasks_.empty()) {
    std::vector<Task> tasks = std::exchange(tasks_, {});
    lock.unlock();
    if (gate_->Enter()) {
      for (Task& task : tasks) std::move(task)();
      gate_->Leave();
    }
    tasks.clear();  // Outside the lock: it may release what calls back.
    lock.lock();
  }
  running_ = false;
  idle_.notify_all();
}

void SerialQueue::Settle() {
  Drain();
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return !running_ && tasks_.empty(); });
}

bool SerialQueue::idle() {
  const std::lock_guard lock(mutex_);
  return !running_ && tasks_.empty();
}

}  // namespace zkq::link
