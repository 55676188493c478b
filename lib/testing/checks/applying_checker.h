// ApplyingChecker: a replica applies what is committed and on its disk before long,
// unless it is kept from it. It is told now and then where each replica stands.
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
