// LeaderTimeChecker: a leader's time is not behind its clock, also when that has been set right
// (PROTOCOL §8.2 B7).
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class LeaderTimeChecker final : public SimObserver {
 public:
  // A transaction is seen when it is first sent, which may be so long after it was made.
  static constexpr absl::Duration kLate = absl::Seconds(10);
  // What the clock of a server says; nothing: it was set within kLate.
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
