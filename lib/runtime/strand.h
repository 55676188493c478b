// Strand: a serial queue on an Executor. Its tasks run in the order they were
// posted, never two at once, on whatever thread the executor has.
//
// A strand is a queue, not a thread: one that has nothing to do costs nothing,
// and one whose task blocks holds up no other strand.
//
// It is also where virtual time is minded (lib/base/virtual_time.h). A task that has got
// ahead of its clock is followed by nothing, and its strand is busy, before the clock has
// caught up; and InTime holds back what such a task does to others.
//
// Thread-safe. The object is a handle on state that running tasks share, so it
// may be destroyed beside one of them, or inside it.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "lib/base/virtual_time.h"
#include "zkq/env.h"

namespace zkq::runtime {

// executor->Await, but for one of the executor's own threads, where it must not be called:
// there done() is asked once.
bool Await(Executor* executor, absl::FunctionRef<bool()> done, absl::Duration timeout);

class Strand {
 public:
  using Task = Executor::Task;

  explicit Strand(std::shared_ptr<Executor> executor);
  Strand(const Strand&) = delete;
  Strand& operator=(const Strand&) = delete;
  ~Strand() { Close(); }

  // What the tasks use: kept alive while one is queued or runs. At most once, before the
  // first task; without it the tasks must need nobody.
  void SetOwner(std::weak_ptr<void> owner);
  std::weak_ptr<void> owner() const;

  // Queues `task`; never runs it inside this call. After Close it is destroyed
  // instead. Unbounded: each part of a replica posts at most one drain of its own
  // bounded inbox at a time.
  void Post(Task task);

  // Runs `fn` at once, on this thread; where the running task is ahead of virtual time,
  // once that has passed, as Post does. What one thread hands over so stays in order.
  template <typename Fn>
  void InTime(Fn fn) {
    if (!VirtualTime::ahead()) return std::move(fn)();
    Later(std::move(fn));
  }

  // No task begins from here on; those that wait are destroyed. One that runs
  // goes on. Idempotent.
  void Close();
  // A task is running, or, before Close, one waits.
  bool busy() const;
  // Waits until the strand is not busy, and returns whether it is so. On a thread of its
  // executor it does not wait.
  bool AwaitIdle(absl::Duration timeout) const;
  // Waits until all that was posted by now has run, and returns whether it has. Before
  // Close. On a thread of its executor it does not wait.
  bool AwaitPosted(absl::Duration timeout);
  // The present thread is inside one of this strand's tasks, or holds an Inhabit for it.
  bool Inside() const;
  // This thread does the strand's work from here on, its executor having no part.
  class Inhabit {
   public:
    explicit Inhabit(const Strand& strand);
    ~Inhabit();
    Inhabit(const Inhabit&) = delete;
    Inhabit& operator=(const Inhabit&) = delete;

   private:
    const void* const outer_;
  };

  // What the running task is in the middle of, for the one who waits for it in
  // vain; "a task" if it did not say. `what` is a literal.
  const char* doing() const;
  class Doing {
   public:
    Doing(const Strand& strand, const char* what);
    ~Doing();

   private:
    std::atomic<const char*>* const what_;
    const char* const before_;
  };

 private:
  struct State;
  void Later(Task task);
  static void Enqueue(const std::shared_ptr<State>& state, Task task);
  static void Schedule(const std::shared_ptr<State>& state);
  static void Drain(const std::shared_ptr<State>& state);
  static bool RunOne(State* state);

  const std::shared_ptr<State> state_;
};

}  // namespace zkq::runtime
