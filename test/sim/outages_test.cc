// How long an ensemble may be away. Time is virtual: what is asserted is the protocol's, and
// does not depend on the machine.
#include "test/sim/outages.h"

#include "test/harness/catch.h"

namespace zkq::sim {
namespace {

constexpr uint64_t kRuns = 60;

TEST_CASE("an ensemble whose servers all start anew serves in a third of a second") {
  for (const int servers : {3, 5, 7, 9}) {
    const Outages restarts(RestartOfAll, servers, 1, kRuns);
    INFO(servers << " servers: " << restarts.Text());
    REQUIRE(restarts.Within(0.98) <= absl::Milliseconds(300));
  }
}

TEST_CASE("an ensemble whose leader dies has another before two ticks are over") {
  for (const int servers : {3, 5, 7, 9}) {
    const Outages failovers(Failover, servers, 1, kRuns);
    INFO(servers << " servers: " << failovers.Text());
    REQUIRE(failovers.Within(0.98) <= absl::Milliseconds(150));
  }
}

}  // namespace
}  // namespace zkq::sim
