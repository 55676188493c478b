// The shipped Executor: a pool of threads that grows to what is needed at once.
//
// A task runs on an idle thread if there is one, on a new one while there are
// fewer than `threads_max`, and else when a thread is through with its task. So
// up to `threads_max` tasks may block without holding up another. A thread is
// woken only when no thread awake will take the task.
//
// The end. Destroying the executor drops what is queued and waits for its idle
// threads only: a task that runs is left to end by itself, on what it keeps
// alive, so the executor may be destroyed inside one of its own tasks and
// beside one that never ends.
#pragma once

#include <memory>

#include "zkq/env.h"

namespace zkq {

// Null if not even one thread can be had.
std::shared_ptr<Executor> NewThreadExecutor(int threads_max);

}  // namespace zkq
