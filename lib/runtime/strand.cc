#include "lib/runtime/strand.h"

#include <deque>
#include <mutex>
#include <utility>

namespace zkq::runtime {
namespace {

thread_local const void* inside = nullptr;  // the State whose task runs on this thread

}  // namespace

bool Await(Executor* executor, absl::FunctionRef<bool()> done, absl::Duration timeout) {
  return executor->InTask() ? done() : executor->Await(done, timeout);
}

struct Strand::State {
  std::shared_ptr<Executor> executor;
  std::weak_ptr<void> owner = {};
  std::atomic<const char*> doing{"a task"};

  std::mutex mutex;
  std::deque<Task> queue;
  bool scheduled = false;  // a drain is on the executor, or runs
  bool running = false;    // a task runs
  bool closed = false;
};

Strand::Strand(std::shared_ptr<Executor> executor) : state_(std::make_shared<State>()) {
  state_->executor = std::move(executor);
}

void Strand::SetOwner(std::weak_ptr<void> owner) { state_->owner = std::move(owner); }

std::weak_ptr<void> Strand::owner() const { return state_->owner; }

void Strand::Post(Task task) {
  // A task that comes later must not keep those back that come meanwhile.
  if (VirtualTime::ahead() && !Inside()) {
    return Later(
        [state = state_, task = std::move(task)]() mutable { Enqueue(state, std::move(task)); });
  }
  Enqueue(state_, std::move(task));
}

void Strand::Enqueue(const std::shared_ptr<State>& state, Task task) {
  {
    std::lock_guard lock(state->mutex);
    if (state->closed) return;
    state->queue.push_back(std::move(task));
    if (std::exchange(state->scheduled, true)) return;
  }
  Schedule(state);
}

void Strand::Later(Task task) {
  state_->executor->Run(
      [owner = state_->owner.lock(), task = std::move(task)]() mutable { std::move(task)(); });
}

void Strand::Schedule(const std::shared_ptr<State>& state) {
  state->executor->Run([state, owner = state->owner.lock()] { Drain(state); });
}

// Runs what is queued now, then gives way to others on the executor if more has come. A
// task that is ahead of virtual time goes through the executor once more: that is what
// charges its strand with the time.
void Strand::Drain(const std::shared_ptr<State>& state) {
  const void* const outer = std::exchange(inside, state.get());
  size_t left = 0;
  {
    std::lock_guard lock(state->mutex);
    left = state->queue.size();
  }
  while (left > 0 && RunOne(state.get()) && !VirtualTime::ahead()) --left;
  inside = outer;
  bool again = false;
  {
    std::lock_guard lock(state->mutex);
    state->running = false;
    again = !state->closed && (!state->queue.empty() || VirtualTime::ahead());
    state->scheduled = again;
  }
  if (again) {
    Schedule(state);
  } else {
    state->executor->Wake();  // AwaitIdle
  }
}

bool Strand::RunOne(State* state) {
  Task task;
  {
    std::lock_guard lock(state->mutex);
    if (state->closed || state->queue.empty()) return false;
    task = std::move(state->queue.front());
    state->queue.pop_front();
    state->running = true;
  }
  std::move(task)();
  return true;
}

void Strand::Close() {
  std::deque<Task> dropped;  // destroyed without the lock: it may own anything
  std::lock_guard lock(state_->mutex);
  state_->closed = true;
  dropped.swap(state_->queue);
}

bool Strand::busy() const {
  std::lock_guard lock(state_->mutex);
  return state_->running || (state_->scheduled && !state_->closed);
}

bool Strand::AwaitIdle(absl::Duration timeout) const {
  const auto idle = [this] { return !busy(); };
  return Await(state_->executor.get(), idle, timeout);
}

bool Strand::AwaitPosted(absl::Duration timeout) {
  const auto passed = std::make_shared<std::atomic<bool>>(false);
  Post([passed, executor = state_->executor] {
    *passed = true;
    executor->Wake();
  });
  const auto has_passed = [&] { return passed->load(); };
  return Await(state_->executor.get(), has_passed, timeout);
}

bool Strand::Inside() const { return inside == state_.get(); }

Strand::Inhabit::Inhabit(const Strand& strand)
    : outer_(std::exchange(inside, strand.state_.get())) {}
Strand::Inhabit::~Inhabit() { inside = outer_; }

const char* Strand::doing() const { return state_->doing.load(); }

Strand::Doing::Doing(const Strand& strand, const char* what)
    : what_(&strand.state_->doing), before_(what_->exchange(what)) {}

Strand::Doing::~Doing() { what_->store(before_); }

}  // namespace zkq::runtime
