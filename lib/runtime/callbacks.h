// Callbacks: runs the completions of calls on the callback strand, one at a time
// and in the order they came.
#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "lib/runtime/calls.h"
#include "lib/runtime/strand.h"

namespace zkq::runtime {

class Callbacks {
 public:
  // `waiters` is the executor that blocking forms wait on.
  Callbacks(CallTable* calls, Strand* strand, Executor* waiters)
      : calls_(*calls), strand_(*strand), waiters_(*waiters) {}

  // Queues what `produce` takes out of the call table; both in one step, so that
  // a call is always in the table's hands, or here, or told. Those of blocking
  // forms are told at once. Nobody is woken before Flush, so that one wake serves
  // many: a strand that adds must flush before it rests.
  void Add(absl::FunctionRef<void(Completions*)> produce);
  void Flush();

  // The end: runs what is still queued on the calling thread, whatever the strand
  // is stuck in. No callback begins afterwards but that of a call made then: it is
  // run by Add.
  void Close();

 private:
  bool RunNext();
  void Run(Completion completion);

  CallTable& calls_;
  Strand& strand_;
  Executor& waiters_;
  std::mutex mutex_;
  // Bounded by max_outstanding_bytes: a call's bytes are released when it leaves.
  // Calls that were refused count nothing; their number is the callers' own pace.
  std::deque<Completion> queue_;
  Completions produced_;  // empty but inside Add
  bool scheduled_ = false;
  bool woken_ = true;  // nobody who waits has anything new to look at
  bool closed_ = false;
};

}  // namespace zkq::runtime
