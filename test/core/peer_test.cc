// One peer against the rest of the world, as scripts.
#include "test/core/peer_script.h"
#include "test/core/transcript.h"
#include "test/harness/catch.h"
#include "test/harness/script.h"

namespace zkq::core {
namespace {

std::string Run(const std::string& topic) {
  return testing::RunScript("testdata/peer/" + topic + ".txt", [](const auto& command) {
    PeerScript peer(command.name, command.args);
    return Transcript(command, [&](Words step) { return peer.Step(std::move(step)); });
  });
}

TEST_CASE("an ensemble is founded by all of its voters, once") { REQUIRE(Run("founding") == ""); }
TEST_CASE("a leader finds an epoch that a quorum promises") {
  REQUIRE(Run("discovery_leading") == "");
}
TEST_CASE("a learner promises an epoch to one leader") {
  REQUIRE(Run("discovery_following") == "");
}
TEST_CASE("a leader brings learners to its history") {
  REQUIRE(Run("synchronisation_leading") == "");
}
TEST_CASE("a learner takes over its leader's history") {
  REQUIRE(Run("synchronisation_following") == "");
}
TEST_CASE("a leader proposes, counts and commits in order") {
  REQUIRE(Run("broadcast_leading") == "");
}
TEST_CASE("a follower logs, acknowledges and delivers in order") {
  REQUIRE(Run("broadcast_following") == "");
}
TEST_CASE("a read proves that its leader still led") { REQUIRE(Run("reads") == ""); }
TEST_CASE("a peer that is silent, stuck or alone is noticed") { REQUIRE(Run("liveness") == ""); }
TEST_CASE("an epoch is renewed in place") { REQUIRE(Run("renewal") == ""); }
TEST_CASE("a call is decided once and rightly") { REQUIRE(Run("calls") == ""); }
TEST_CASE("a broken invariant stops the replica") { REQUIRE(Run("halting") == ""); }

}  // namespace
}  // namespace zkq::core
