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

}  // namespace
}  // namespace zkq::core
