// Redial: when to try next for a link to one peer (PROTOCOL §5.5). Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/time/time.h"

namespace zkq::link {

inline constexpr absl::Duration kRedialMin = absl::Milliseconds(50);
inline constexpr absl::Duration kRedialMax = absl::Milliseconds(500);

class Redial {
 public:
  // The delay before the next attempt: none at first, then kRedialMin · 2^k up to kRedialMax,
  // each ±20 % by `random`, so that peers do not fall into step.
  absl::Duration Next(uint64_t random) const {
    if (failures_ == 0) return absl::ZeroDuration();
    const absl::Duration delay =
        std::min(kRedialMax, kRedialMin * (int64_t{1} << std::min(failures_ - 1, 20u)));
    return delay * (80 + static_cast<int64_t>(random % 41)) / 100;
  }
  // Whatever failed: who refuses now may not in a moment.
  void Failed() { failures_ = wanted() ? 0 : failures_ + 1; }
  // A link was lost. One that hardly lived is as bad as none.
  void Lost(bool was_healthy) {
    const bool at_once = wanted();
    failures_ = was_healthy || at_once ? 0 : failures_ + 1;
  }
  // The peer knocks, or has a new address; or this server looks for a leader, and needs it.
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
