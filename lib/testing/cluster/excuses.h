// Excuses: what one server may not be blamed for.
//
// A fault for which a server may halt excuses the halt. Observers are told when such an excuse
// begins, and when the last one is over: the server has run for two seconds after the fault.
// A checker that finds the server late asks here until when something has kept it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "lib/testing/cluster/shared.h"

namespace zkq::testing {

class Excuses {
 public:
  // What has to be known of the server.
  struct Asks {
    std::function<bool()> up;
    std::function<bool()> paused;
    std::function<bool()> disk_full;
  };
  Excuses(const Shared* shared, ServerId sid, std::shared_ptr<const SimClock> clock, Asks asks)
      : shared_(*shared), sid_(sid), clock_(std::move(clock)), asks_(std::move(asks)) {}

  // A fault was done for which it may halt.
  void Excuse(std::string_view why);
  // It was kept from doing what was due.
  void HeldUp(absl::Duration until);
  // The task that runs is blocked for so long.
  void Block(absl::Duration duration);
  // Likewise, in a read of what may have to be applied, or in an Apply.
  void KeepFromApplying(absl::Duration duration);

  // When it was last kept from doing what was due: paused, down, or in a slow Apply.
  absl::Duration held_up_until() const;
  // When the last call that was ever held up goes on: healing does not wake it.
  absl::Duration blocked_until() const { return blocked_until_; }
  // When a slow read or Apply was last over.
  absl::Duration kept_from_applying_until() const { return kept_from_applying_until_; }

 private:
  void EndExcuse(uint64_t excuse, absl::Duration when);

  const Shared& shared_;
  const ServerId sid_;
  const std::shared_ptr<const SimClock> clock_;
  const Asks asks_;
  uint64_t excuses_ = 0;
  absl::Duration held_up_until_ = absl::ZeroDuration();
  absl::Duration blocked_until_ = absl::ZeroDuration();
  absl::Duration kept_from_applying_until_ = absl::ZeroDuration();
};

}  // namespace zkq::testing
