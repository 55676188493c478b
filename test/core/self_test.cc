// What every role shares.
#include "lib/core/self.h"

#include "test/harness/catch.h"

namespace zkq::core {
namespace {

// Whoever leads goes on from there, whatever its own clock says.
TEST_CASE("a history that begins with a snapshot goes on from the snapshot's leader time") {
  Self self({.self = ServerId{1}},
            {.base = {.zxid = {1, 7}, .leader_time = 500}, .epochs = Epochs({1, 7})});
  REQUIRE(self.history.last_leader_time() == 500);
  Effects effects;
  self.effects = &effects;
  self.Install({.zxid = {2, 3}, .leader_time = 900});
  REQUIRE(self.history.last_leader_time() == 900);
  REQUIRE(self.history.last() == Zxid{2, 3});
}

TEST_CASE("of snapshot and log the later leader time counts") {
  const Self self({.self = ServerId{1}}, {.base = {.zxid = {1, 7}, .leader_time = 500},
                                          .epochs = Epochs({}, {{1, 9}}),
                                          .last_leader_time = 700});
  REQUIRE(self.history.last_leader_time() == 700);
}

TEST_CASE("an effect that is wanted outside of a step breaks the peer, not its host") {
  Self self({.self = ServerId{1}}, {});
  self.Emit(core::Deliver{});
  REQUIRE_FALSE(self.invariants().ok());
}

}  // namespace
}  // namespace zkq::core
