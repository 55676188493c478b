// Cadence: how often a peer that looks repeats what it says, and how long it has patience
// (PROTOCOL §4.3, §14).
//
// With each round it has patience anew for candidates that reach a quorum: of those in it
// nothing is known yet. For a quorum's word that somebody leads it has patience once in a
// look: peers that look in vain begin round after round, and must not keep others waiting.
#pragma once

#include <algorithm>

#include "zkq/election.h"

namespace zkq::core {

class Patience {
 public:
  void Begin(Time until) {
    until_ = until;
    over_ = false;
  }
  bool over() const { return over_; }
  // True once, when it is over.
  bool Ends(Time now) {
    if (over_ || now < until_) return false;
    over_ = true;
    return true;
  }
  Time NextWake() const { return over_ ? Time::max() : until_; }

 private:
  Time until_{};
  bool over_ = false;
};

class Cadence {
 public:
  // Announcements are repeated after `interval_min`, and then after twice as long each
  // time, up to `interval_max`.
  Cadence(Time interval_min, Time interval_max, Time patience)
      : interval_min_(interval_min), interval_max_(interval_max), patience_(patience) {}

  void BeginLook(Time now) {
    interval_ = interval_min_;
    announce_at_ = now + interval_;
    with_quorum_.Begin(now + patience_);
    BeginRound(now);
  }
  void BeginRound(Time now) { with_candidates_.Begin(now + patience_); }

  // True when an announcement is to be repeated.
  bool AnnouncementIsDue(Time now) {
    if (now < announce_at_) return false;
    interval_ = std::min(2 * interval_, interval_max_);
    announce_at_ = now + interval_;
    return true;
  }
  // Candidates that reach no quorum will do if nobody does.
  bool takes_any_candidate() const { return with_candidates_.over(); }
  // A leader's own word will do.
  bool takes_leaders_word() const { return with_quorum_.over(); }
  // True when patience of either kind ends now.
  bool PatienceEnds(Time now) {
    const bool any_candidate = with_candidates_.Ends(now);
    const bool leaders_word = with_quorum_.Ends(now);
    return any_candidate || leaders_word;
  }
  Time NextWake() const {
    return std::min({announce_at_, with_candidates_.NextWake(), with_quorum_.NextWake()});
  }

 private:
  const Time interval_min_;
  const Time interval_max_;
  const Time patience_;
  Time interval_{};
  Time announce_at_{};
  Patience with_candidates_;
  Patience with_quorum_;
};

}  // namespace zkq::core
