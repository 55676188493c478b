#include "lib/env/thread_executor.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "lib/env/since_boot.h"

namespace zkq {
namespace {

// A thread waits by a clock that stands still while the machine is suspended. So it looks at
// SinceBoot after a second at the latest: what has become due meanwhile is late by no more.
std::chrono::nanoseconds LongestWait(absl::Duration when) {
  return absl::ToChronoNanoseconds(std::min(when - SinceBoot(), absl::Seconds(1)));
}

// What threads and executor share; the last of them to go destroys it.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  explicit Pool(int threads_max) : threads_max_(threads_max) {}

  bool Start() {
    std::lock_guard lock(mutex_);
    return Grow();
  }
  void Run(Executor::Task task);
  uint64_t RunAfter(absl::Duration delay, Executor::Task task);
  bool Cancel(uint64_t timer);
  void Close();
  bool InTask() const { return current_ == this; }

 private:
  struct Worker {
    std::thread thread;
    bool in_task = false;
  };
  using TimerKey = std::pair<absl::Duration, uint64_t>;  // when it is due, SinceBoot

  bool Grow();  // with the lock held
  // With the lock held: starts a thread if what is queued needs one more; true if
  // an idle one is to be woken instead. That is best done without the lock, which
  // it would only run into.
  [[nodiscard]] bool NeedsWake();
  void Work(Worker* self);
  void WaitForTask(std::unique_lock<std::mutex>* lock);
  void QueueDueTimers();

  static thread_local const Pool* current_;  // whose task runs on this thread

  const int threads_max_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<Executor::Task> queue_;  // bounded by those who queue: zkq's strands, one each
  std::map<TimerKey, Executor::Task> timers_;
  std::map<uint64_t, absl::Duration> due_;  // of each timer, by id
  uint64_t last_timer_ = 0;
  size_t idle_ = 0;
  std::list<Worker> workers_;
  bool closed_ = false;
};

thread_local const Pool* Pool::current_ = nullptr;

bool Pool::Grow() {
  Worker& worker = workers_.emplace_back();
  try {
    worker.thread = std::thread([self = shared_from_this(), &worker] { self->Work(&worker); });
  } catch (const std::system_error&) {  // out of threads: those there are must do
    workers_.pop_back();
  }
  return !workers_.empty();
}

bool Pool::NeedsWake() {
  if (queue_.size() <= idle_) return true;
  if (workers_.size() < static_cast<size_t>(threads_max_)) Grow();
  return false;
}

void Pool::Run(Executor::Task task) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    queue_.push_back(std::move(task));
    wake = NeedsWake();
  }
  if (wake) work_.notify_one();
}

uint64_t Pool::RunAfter(absl::Duration delay, Executor::Task task) {
  std::lock_guard lock(mutex_);
  const uint64_t id = ++last_timer_;
  if (closed_) return id;
  const TimerKey key{SinceBoot() + delay, id};
  due_.emplace(id, key.first);
  const auto place = timers_.emplace(key, std::move(task)).first;
  // The thread that waits for the first timer must learn of an earlier one.
  if (place == timers_.begin()) work_.notify_one();
  return id;
}

bool Pool::Cancel(uint64_t timer) {
  Executor::Task cancelled;  // destroyed without the lock: it may own anything
  std::lock_guard lock(mutex_);
  const auto due = due_.find(timer);
  if (due == due_.end()) return false;
  cancelled = std::move(timers_.extract({due->second, timer}).mapped());
  due_.erase(due);
  return true;
}

void Pool::QueueDueTimers() {
  if (timers_.empty()) return;
  const absl::Duration now = SinceBoot();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto timer = timers_.extract(timers_.begin());
    due_.erase(timer.key().second);
    queue_.push_back(std::move(timer.mapped()));
    if (queue_.size() > 1 && NeedsWake()) work_.notify_one();  // this thread takes one itself
  }
}

void Pool::WaitForTask(std::unique_lock<std::mutex>* lock) {
  for (QueueDueTimers(); queue_.empty() && !closed_; QueueDueTimers()) {
    ++idle_;
    if (timers_.empty()) {
      work_.wait(*lock);
    } else {
      work_.wait_for(*lock, LongestWait(timers_.begin()->first.first));
    }
    --idle_;
  }
}

void Pool::Work(Worker* self) {
  std::unique_lock lock(mutex_);
  for (WaitForTask(&lock); !closed_; WaitForTask(&lock)) {
    Executor::Task task = std::move(queue_.front());
    queue_.pop_front();
    if (idle_ > 0 && !timers_.empty()) work_.notify_one();  // somebody must keep the time
    self->in_task = true;
    lock.unlock();
    current_ = this;
    std::move(task)();
    task = nullptr;  // what it owned goes inside the task too
    current_ = nullptr;
    lock.lock();
    self->in_task = false;
  }
}

void Pool::Close() {
  std::deque<Executor::Task> queued;
  std::map<TimerKey, Executor::Task> timers;
  std::vector<std::thread> idle;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    queued.swap(queue_);
    timers.swap(timers_);
    due_.clear();
    for (Worker& worker : workers_) {
      if (worker.in_task) {
        worker.thread.detach();  // holds the pool, and ends with its task
      } else {
        idle.push_back(std::move(worker.thread));
      }
    }
    work_.notify_all();
  }
  for (std::thread& thread : idle) thread.join();
}

class ThreadExecutor final : public Executor {
 public:
  explicit ThreadExecutor(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}
  ~ThreadExecutor() override { pool_->Close(); }

  void Run(Task task) override { pool_->Run(std::move(task)); }
  uint64_t RunAfter(absl::Duration delay, Task task) override {
    return pool_->RunAfter(delay, std::move(task));
  }
  bool Cancel(uint64_t timer) override { return pool_->Cancel(timer); }
  bool InTask() const override { return pool_->InTask(); }

  bool Await(absl::FunctionRef<bool()> done, absl::Duration timeout) override;
  void Wake() override;

 private:
  // Each waiter sleeps on a condition of its own, and whoever wakes looks first
  // for whom: a hundred blocked calls are not all woken for the one that is done.
  struct Waiter {
    absl::FunctionRef<bool()> done;
    std::condition_variable woken;
  };

  const std::shared_ptr<Pool> pool_;
  std::mutex waiters_mutex_;
  std::list<Waiter*> waiters_;
};

bool ThreadExecutor::Await(absl::FunctionRef<bool()> done, absl::Duration timeout) {
  const absl::Duration deadline = SinceBoot() + timeout;
  Waiter self{.done = done, .woken = {}};
  std::unique_lock lock(waiters_mutex_);
  const auto place = waiters_.insert(waiters_.end(), &self);
  bool is_done = done();
  while (!is_done && SinceBoot() < deadline) {
    self.woken.wait_for(lock, LongestWait(deadline));
    is_done = done();
  }
  waiters_.erase(place);
  return is_done;  // Asked again here, it may be false again long before the deadline.
}

void ThreadExecutor::Wake() {
  std::lock_guard lock(waiters_mutex_);
  for (Waiter* waiter : waiters_) {
    if (waiter->done()) waiter->woken.notify_one();
  }
}

}  // namespace

std::shared_ptr<Executor> NewThreadExecutor(int threads_max) {
  auto pool = std::make_shared<Pool>(threads_max);
  if (!pool->Start()) return nullptr;
  return std::make_shared<ThreadExecutor>(std::move(pool));
}

}  // namespace zkq
