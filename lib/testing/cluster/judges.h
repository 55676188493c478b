// Judges: all checkers of a cluster, and what the world looks like to those that look at it now
// and then. The first violation that any of them reports is the cluster's.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "lib/testing/checks/applying_checker.h"
#include "lib/testing/checks/election_checker.h"
#include "lib/testing/checks/invariants.h"
#include "lib/testing/checks/leader_time_checker.h"
#include "lib/testing/checks/led_checker.h"
#include "lib/testing/checks/silence_checker.h"
#include "lib/testing/checks/staleness_checker.h"
#include "lib/testing/cluster/shared.h"
#include "lib/testing/cluster/sim_observers.h"
#include "lib/testing/cluster/sim_places.h"

namespace zkq::testing {

class Judges {
 public:
  // Both outlive the judges.
  Judges(const Shared* shared, const SimPlaces* places)
      : shared_(*shared),
        places_(*places),
        elections_(shared->scheduler),
        staleness_(shared->scheduler, [this](ServerId place) { return PacedSince(place); }) {}

  // Those that go by what happens are told of it.
  void Observe(SimObservers* observers);
  // After each step.
  void Look();

  void Report(std::string property, std::string what);
  const std::optional<Violation>& violation() const;

  InvariantChecker& invariants() { return invariants_; }
  // Of two machines of one id, the other servers hold links with the one whose disk is listed.
  bool HasItsId(ServerId place);

 private:
  LedChecker::View WhoCanLead(const Statuses& statuses);
  std::optional<absl::Time> WallOf(ServerId place) const;
  absl::Duration PacedSince(ServerId place) const;
  std::optional<absl::Duration> UsualSince(ServerId place) const;
  void CheckSilence();
  void CheckApplying();

  const Shared& shared_;
  const SimPlaces& places_;
  InvariantChecker invariants_;
  ElectionChecker elections_;
  LeaderTimeChecker leader_times_{[this](ServerId place) { return WallOf(place); }};
  StalenessChecker staleness_;
  ApplyingChecker applying_;
  LedChecker led_;
  SilenceChecker silence_;
  std::optional<Violation> reported_;
  absl::Duration slowest_sync_ = absl::ZeroDuration();  // so far, of any server
  uint64_t looks_ = 0;
  absl::Duration looks_at_ = absl::ZeroDuration();
};

}  // namespace zkq::testing
