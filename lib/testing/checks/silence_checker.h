// SilenceChecker: a link is lost to silence only where something is silent (PROTOCOL §5.5). A
// server around which the network, the peers and the clocks are as usual loses none, whatever
// its disk or its state machine does.
//
// It is told now and then how each server stands. Nothing is asked until what was wrong has been
// over for long enough to be noticed: twice the longest limit of any server.
#pragma once

#include <map>
#include <optional>

#include "absl/time/time.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class SilenceChecker {
 public:
  // A server that is up.
  struct Stand {
    uint64_t lost = 0;  // links to silence, in this life
    // Since when nothing around it has a reason to be silent, as far as that can be seen now;
    // nothing: something has.
    std::optional<absl::Duration> usual_since = {};
  };
  using Stands = std::map<ServerId, Stand>;

  // `limit`: for how long the most patient server bears silence. `changes` is another number
  // after any start of a process, and after anything that may silence a connection.
  std::optional<Violation> OnLook(const Stands& stands, absl::Duration limit, uint64_t changes,
                                  absl::Duration now);

 private:
  struct Known {
    uint64_t lost = 0;
    absl::Duration usual_since = absl::ZeroDuration();
  };
  std::map<ServerId, Known> known_;
  uint64_t changes_ = 0;
};

}  // namespace zkq::testing
