// VirtualTime: whether the task on this thread has got ahead of its clock.
//
// A simulation runs all tasks on one thread, each at one instant. A call that would
// block there (a slow fsync) returns at once; the time it takes is charged to what
// the task queues on an executor from then on. Until the task ends it is *ahead*: what
// it hands over by other ways than an executor would arrive before the call is over.
//
// The simulated executor tells, and lib/runtime's hand-overs ask. Where time is real,
// nothing is ever ahead.
#pragma once

#include "zkq/types.h"

namespace zkq {

class ZKQ_EXPORT VirtualTime {
 public:
  static bool ahead();
  static void SetAhead(bool ahead);
};

}  // namespace zkq
