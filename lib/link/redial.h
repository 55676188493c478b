// Redial: when to try next for a link to one peer. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/time/time.h"

namespace zkq::link {

struct RedialBounds {
  absl::Duration min = absl::Milliseconds(50);
  absl::Duration max = absl::Milliseconds(500);
};

class Redial {
 public:
  // The delay before the next attempt: none at first, then min · 2^k up to max,
  // each ±20 % by `random`, so that peers do not fall into step.
  absl::Duration Next(const RedialBounds& bounds, uint64_t random) {
    if (failures_ == 0) return absl::ZeroDuration();
    const absl::Duration delay =
        std::min(bounds.max, bounds.min * (int64_t{1} << std::min(failures_ - 1, 20u)));
    return delay * (80 + static_cast<int64_t>(random % 41)) / 100;
  }
  void Failed() { failures_ = wanted() ? 0 : failures_ + 1; }
  // The peer has refused us, and will again: next at the longest interval.
  void Refused() { failures_ = wanted() ? 0 : 31; }
  // A link of that age was lost. One that hardly lived is as bad as none.
  void Lost(const RedialBounds& bounds, absl::Duration age) {
    const bool at_once = wanted();
    failures_ = age >= bounds.max || at_once ? 0 : failures_ + 1;
  }
  // The peer knocks, or is new: it can be reached now.
  void Reset() { failures_ = 0; }
  // The next end of an attempt or a link is followed by an attempt at once: the
  // peer knocks although there is one, and may know more than we do.
  void WantSoon() { wanted_ = true; }

 private:
  bool wanted() { return std::exchange(wanted_, false); }

  uint32_t failures_ = 0;  // in a row
  bool wanted_ = false;
};

}  // namespace zkq::link
