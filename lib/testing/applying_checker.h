// ApplyingChecker: what is committed and on a replica's disk is applied there before long,
// by whoever is not kept from it. Told now and then how each stands.
#pragma once

#include <map>
#include <optional>

#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class ApplyingChecker {
 public:
  // `kept_until`: when a fault last kept it from working.
  std::optional<Violation> OnLook(ServerId sid, const ReplicaStatus& status,
                                  absl::Duration kept_until, absl::Duration now);
  void OnDown(ServerId sid) { stands_.erase(sid); }

 private:
  struct Stand {
    Zxid applied = {};
    absl::Duration since = absl::ZeroDuration();
  };
  std::map<ServerId, Stand> stands_;
};

}  // namespace zkq::testing
