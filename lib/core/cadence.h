// Cadence: how often a peer that looks repeats what it says, and for how long it insists
// on candidates that reach a quorum (PROTOCOL §4.3, §14).
#pragma once

#include <algorithm>

#include "zkq/election.h"

namespace zkq::core {

class Cadence {
 public:
  // Announcements are repeated after `interval_min`, and then after twice as long each
  // time, up to `interval_max`.
  Cadence(Time interval_min, Time interval_max, Time patience)
      : interval_min_(interval_min), interval_max_(interval_max), patience_(patience) {}

  void BeginLook(Time now) {
    interval_ = interval_min_;
    announce_at_ = now + interval_;
    BeginRound(now);
  }
  // Patience begins anew.
  void BeginRound(Time now) {
    patience_until_ = now + patience_;
    patience_over_ = false;
  }

  // True when an announcement is to be repeated.
  bool AnnouncementIsDue(Time now) {
    if (now < announce_at_) return false;
    interval_ = std::min(2 * interval_, interval_max_);
    announce_at_ = now + interval_;
    return true;
  }
  bool patience_over() const { return patience_over_; }
  // True once a round, when patience is over.
  bool PatienceEnds(Time now) {
    if (patience_over_ || now < patience_until_) return false;
    patience_over_ = true;
    return true;
  }
  Time NextWake() const {
    return patience_over_ ? announce_at_ : std::min(announce_at_, patience_until_);
  }

 private:
  const Time interval_min_;
  const Time interval_max_;
  const Time patience_;
  Time interval_{};
  Time announce_at_{};
  Time patience_until_{};
  bool patience_over_ = false;
};

}  // namespace zkq::core
