// StalenessChecker: what a server calls its staleness is no promise too much: every write that
// callers were told of longer ago is applied there (PROTOCOL §9.1).
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "zkq/testing/sim.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class StalenessChecker final : public SimObserver {
 public:
  // Since when the clock of a server goes at the world's pace; infinite: it does not.
  using Paced = std::function<absl::Duration(ServerId)>;
  StalenessChecker(SimScheduler* scheduler, Paced paced)
      : scheduler_(*scheduler), paced_(std::move(paced)) {}
  const std::optional<Violation>& violation() const { return violation_; }

  void OnDone(uint64_t call, const absl::StatusOr<Reply>& result) override;
  void OnStatus(ServerId sid, const ReplicaStatus& status) override;

 private:
  struct Told {
    absl::Duration at = absl::ZeroDuration();
    Zxid zxid = {};
  };

  SimScheduler& scheduler_;
  const Paced paced_;
  std::vector<Told> told_;  // both rise; what callers were told is committed
  std::optional<Violation> violation_;
};

}  // namespace zkq::testing
