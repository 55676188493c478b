// Connectivity and Cadence alone: what elections share beside the votes.
#include "lib/core/connectivity.h"

#include "lib/core/cadence.h"
#include "test/core/text.h"
#include "test/harness/catch.h"

namespace zkq::core {
namespace {

using std::chrono::milliseconds;

const Quorum kFive({.committed = VotersUpTo(5), .pending = {}});

Connectivity ConnectivityOf(uint64_t sid) {
  Connectivity connectivity(milliseconds(200));
  connectivity.Use({ServerId{sid}, {}}, kFive);
  return connectivity;
}

TEST_CASE("a voter reaches a quorum with itself, a stranger without") {
  for (uint64_t sid : {1, 9}) {
    Connectivity connectivity = ConnectivityOf(sid);
    connectivity.Up({ServerId{2}, {}});
    connectivity.Up({ServerId{3}, {}});
    REQUIRE(connectivity.Update(Time{}) == (sid == 1));
    REQUIRE(connectivity.reaches_quorum() == (sid == 1));
    connectivity.Up({ServerId{8}, {}});  // no voter either
    REQUIRE_FALSE(connectivity.Update(Time{}));
  }
}

TEST_CASE("a quorum that is lost is believed in for the grace period") {
  Connectivity connectivity = ConnectivityOf(1);
  connectivity.Up({ServerId{2}, {}});
  connectivity.Up({ServerId{3}, {}});
  REQUIRE(connectivity.Update(Time{}));
  REQUIRE_FALSE(connectivity.NextWake());
  connectivity.Down({ServerId{3}, {}});
  REQUIRE_FALSE(connectivity.Update(milliseconds(1000)));
  REQUIRE(connectivity.NextWake() == milliseconds(1200));
  REQUIRE_FALSE(connectivity.Update(milliseconds(1199)));
  REQUIRE(connectivity.reaches_quorum());
  REQUIRE(connectivity.Update(milliseconds(1200)));
  REQUIRE_FALSE(connectivity.reaches_quorum());
}

TEST_CASE("a link that comes back within the grace period changes nothing") {
  Connectivity connectivity = ConnectivityOf(1);
  connectivity.Up({ServerId{2}, {}});
  connectivity.Up({ServerId{3}, {}});
  REQUIRE(connectivity.Update(Time{}));
  connectivity.Down({ServerId{3}, {}});
  REQUIRE_FALSE(connectivity.Update(milliseconds(1000)));
  connectivity.Up({ServerId{4}, {}});
  REQUIRE_FALSE(connectivity.Update(milliseconds(1100)));
  REQUIRE_FALSE(connectivity.NextWake());
  REQUIRE_FALSE(connectivity.Update(milliseconds(1300)));
  REQUIRE(connectivity.reaches_quorum());
}

TEST_CASE("a configuration with more voters can take the quorum away") {
  Connectivity connectivity = ConnectivityOf(1);
  connectivity.Up({ServerId{2}, {}});
  connectivity.Up({ServerId{3}, {}});
  REQUIRE(connectivity.Update(Time{}));
  connectivity.Use({ServerId{1}, {}}, Quorum({.committed = VotersUpTo(6), .pending = {}}));
  REQUIRE_FALSE(connectivity.Update(milliseconds(1000)));
  REQUIRE(connectivity.Update(milliseconds(1200)));
  REQUIRE_FALSE(connectivity.reaches_quorum());
}

TEST_CASE("an announcement is repeated after twice as long each time, up to a limit") {
  Cadence cadence(milliseconds(100), milliseconds(300), milliseconds(5000));
  cadence.BeginLook(milliseconds(1000));
  REQUIRE(cadence.NextWake() == milliseconds(1100));
  REQUIRE_FALSE(cadence.AnnouncementIsDue(milliseconds(1099)));
  for (int at : {1100, 1300, 1600, 1900}) {
    REQUIRE(cadence.NextWake() == milliseconds(at));
    REQUIRE(cadence.AnnouncementIsDue(milliseconds(at)));
    REQUIRE_FALSE(cadence.AnnouncementIsDue(milliseconds(at)));
  }
}

TEST_CASE("patience ends once a round, and a round does not hurry announcements") {
  Cadence cadence(milliseconds(100), milliseconds(2000), milliseconds(150));
  cadence.BeginLook(Time{});
  REQUIRE(cadence.AnnouncementIsDue(milliseconds(100)));
  REQUIRE(cadence.NextWake() == milliseconds(150));
  REQUIRE_FALSE(cadence.PatienceEnds(milliseconds(149)));
  REQUIRE(cadence.PatienceEnds(milliseconds(150)));
  REQUIRE(cadence.takes_any_candidate());
  REQUIRE(cadence.takes_leaders_word());
  REQUIRE_FALSE(cadence.PatienceEnds(milliseconds(151)));
  cadence.BeginRound(milliseconds(200));
  REQUIRE_FALSE(cadence.takes_any_candidate());
  REQUIRE(cadence.takes_leaders_word());  // others begin rounds: that puts it off no more
  REQUIRE(cadence.PatienceEnds(milliseconds(350)));
  REQUIRE(cadence.NextWake() == milliseconds(300));
}

}  // namespace
}  // namespace zkq::core
