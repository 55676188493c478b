// Alarm: the one timer of a strand. It is only ever moved forward: one that rings too
// early costs its strand one look.
#pragma once

#include <mutex>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "lib/runtime/strand.h"

namespace zkq::runtime {

class Alarm {
 public:
  // `ring` is called on one of `executor`'s threads, with the owner of `strand` kept alive.
  Alarm(Executor* executor, const Strand* strand, absl::AnyInvocable<void()> ring)
      : executor_(*executor), strand_(*strand), ring_(std::move(ring)) {}

  // Rings at `when` by the monotonic clock, which says `now`, or earlier if it was set to
  // an earlier time before. Not on two threads at once; the rest on any.
  void Set(absl::Duration when, absl::Duration now);
  // When it rings next; infinite if it is not set.
  absl::Duration when() const;
  // It rings no more, whatever it is set to.
  void Stop();

 private:
  void OnTimer(uint64_t number);

  Executor& executor_;
  const Strand& strand_;
  absl::AnyInvocable<void()> ring_;
  mutable std::mutex mutex_;
  absl::Duration when_ = absl::InfiniteDuration();
  uint64_t timer_ = 0;   // the executor's id; 0: not set
  uint64_t timers_ = 0;  // set so far: one that fires too late to be cancelled is known by this
  bool stopped_ = false;
};

}  // namespace zkq::runtime
