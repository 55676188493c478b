// LeaderTimeChecker: a leader's time does not lag its clock far, also when that has been set
// right (PROTOCOL §8.2 B7).
//
// A transaction is seen when it is first sent. It may have waited for that: for a learner that
// has room, after others. So small steps of a clock are not judged, nor what is sent soon after
// a large one.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class LeaderTimeChecker final : public SimObserver {
 public:
  static constexpr absl::Duration kFar = absl::Minutes(10);
  // What the clock of a server says; nothing: it was set lately.
  using Wall = std::function<std::optional<absl::Time>(ServerId)>;
  explicit LeaderTimeChecker(Wall wall) : wall_(std::move(wall)) {}
  const std::optional<Violation>& violation() const { return violation_; }

  void OnSent(const Route& route, const Carried& carried) override;

 private:
  const Wall wall_;
  Zxid newest_ = {};  // of all that was sent
  std::optional<Violation> violation_;
};

}  // namespace zkq::testing
