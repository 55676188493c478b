// SimRun: runs a cluster, and does between two tasks what cannot be done inside one.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "lib/testing/cluster/judges.h"
#include "lib/testing/cluster/shared.h"
#include "lib/testing/cluster/sim_places.h"

namespace zkq::testing {

class SimRun {
 public:
  // All outlive the run.
  SimRun(const Shared* shared, const SimPlaces* places, Judges* judges)
      : shared_(*shared), places_(*places), judges_(*judges) {}

  // Until the condition holds, which is asked after each step, or a judge reports a violation.
  // False: the condition did not hold.
  bool Until(absl::FunctionRef<bool()> condition, absl::Duration limit);
  void For(absl::Duration duration);
  // Who has just died is buried, observers hear what is new, and the judges look.
  void AfterStep();

  uint64_t news() const { return news_; }  // statuses that observers were told
  void Heal();

 private:
  const Shared& shared_;
  const SimPlaces& places_;
  Judges& judges_;
  uint64_t news_ = 0;
};

}  // namespace zkq::testing
