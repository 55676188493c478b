// One peer against the rest of the world, as scripts.
#include "test/core/peer_script.h"
#include "test/core/text.h"
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

TEST_CASE("who takes nothing from its links counts as linked once") { REQUIRE(Run("links") == ""); }
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
TEST_CASE("an observer has what is committed, and counts nowhere") {
  REQUIRE(Run("observers") == "");
}
TEST_CASE("a leader changes the configuration, and hands over if it is left out") {
  REQUIRE(Run("reconfiguration_leading") == "");
}
TEST_CASE("the configuration of who learns follows the log") {
  REQUIRE(Run("reconfiguration_following") == "");
}
TEST_CASE("a broken invariant stops the replica") { REQUIRE(Run("halting") == ""); }

// Says at once who leads, and as what this peer ends its look.
class SayingElection final : public Election {
 public:
  SayingElection(ServerId leader, PeerState state) : decision_{{1, {}, leader}, state} {}
  std::string_view name() const override { return "saying"; }
  void SetConfigs(const MemberId&, const Configs&) override {}
  void Look(const Vote&, Time, Outbox*) override {}
  void Settle(PeerState, const Vote&, Outbox*) override {}
  void Receive(const MemberId&, const Notification&, Time, Outbox*) override {}
  void PeerUp(const MemberId&, Time, Outbox*) override {}
  void PeerDown(const MemberId&, Time, Outbox*) override {}
  void Tick(Time, Outbox*) override {}
  std::optional<Time> NextWake() const override { return std::nullopt; }
  std::optional<Decision> outcome() const override { return decision_; }
  Notification current() const override { return {}; }

 private:
  const Decision decision_;
};

TEST_CASE("an election that contradicts itself stops the replica") {
  struct Case {
    ServerId leader{};
    PeerState state = PeerState::kLooking;
    bool sound = false;
  };
  for (const Case& c :
       {Case{ServerId{1}, PeerState::kLeading, true},
        Case{ServerId{2}, PeerState::kFollowing, true}, Case{ServerId{2}, PeerState::kLeading},
        Case{ServerId{1}, PeerState::kFollowing}, Case{kNoServer, PeerState::kFollowing}}) {
    const Membership members = VotersUpTo(3);
    Peer peer({.self = ServerId{1}, .members = members.members},
              {.state = {.ensemble = {0, 1}, .sid = ServerId{1}, .config = members}},
              std::make_unique<SayingElection>(c.leader, c.state));
    Effects effects;
    peer.Step(core::Tick{}, &effects);
    REQUIRE(std::holds_alternative<Halt>(effects.back()) != c.sound);
  }
}

}  // namespace
}  // namespace zkq::core
