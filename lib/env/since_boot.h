// The time by which the shipped clock and the shipped timers go.
#pragma once

#include <time.h>

#include "absl/time/time.h"

namespace zkq {

// Since the machine was started, the time in which it was suspended included, where the system
// counts that: what is older by the world's clocks must look older here, too.
inline absl::Duration SinceBoot() {
#ifdef CLOCK_BOOTTIME
  constexpr clockid_t kClock = CLOCK_BOOTTIME;
#else
  constexpr clockid_t kClock = CLOCK_MONOTONIC;
#endif
  timespec now = {};
  clock_gettime(kClock, &now);
  return absl::DurationFromTimespec(now);
}

}  // namespace zkq
