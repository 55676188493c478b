// The contract of QuorumTransport, held by the simulated network's; and what that
// one does beyond it.
#include <map>

#include "lib/testing/conformance/contract_peer.h"
#include "test/harness/catch.h"
#include "test/testing/sim_world.h"
#include "zkq/testing/conformance.h"

namespace zkq::testing {
namespace {

constexpr ServerId kOne{1}, kTwo{2}, kThree{3};

// Three linked processes.
struct Trio {
  explicit Trio(const SimNetworkOptions& options = {}) : world(options) {
    for (const ServerId sid : {kOne, kTwo, kThree}) {
      peers[sid] = std::make_unique<ContractPeer>(&world, Identity{.sid = sid, .boot = 1});
      REQUIRE(peers[sid]->Start().ok());
      peers[sid]->SetMembers({kOne, kTwo, kThree});
    }
    world.Settle();
  }
  ~Trio() {
    for (const auto& [sid, peer] : peers) CHECK(peer->violation() == "");
  }
  bool Linked(ServerId a, ServerId b) {
    return peers[a]->link(b).has_value() && peers[b]->link(a).has_value();
  }

  SimWorld world;
  std::map<ServerId, std::unique_ptr<ContractPeer>> peers;
};

TEST_CASE("the simulated network's transports keep every promise of the kit") {
  for (const std::string& claim : TransportClaims()) {
    DYNAMIC_SECTION(claim) {
      const absl::Status status = RunTransportConformance(
          [](const TransportWorldOptions& options) { return std::make_unique<SimWorld>(options); },
          claim);
      CHECK(status.ToString() == "OK");
    }
  }
}

TEST_CASE("a disconnected pair is linked again by itself") {
  Trio trio;
  const LinkId old = *trio.peers[kOne]->link(kTwo);
  trio.world.network().Disconnect(kOne, kTwo);
  trio.world.Settle();
  CHECK(trio.Linked(kOne, kTwo));
  CHECK(*trio.peers[kOne]->link(kTwo) > old);
  CHECK(trio.peers[kOne]->downs(kThree) == 0);
}

TEST_CASE("a cut pair has no link until it heals") {
  Trio trio;
  trio.world.network().Cut(kTwo, kOne);
  trio.world.Settle();
  CHECK_FALSE(trio.Linked(kOne, kTwo));
  CHECK(trio.Linked(kOne, kThree));
  trio.world.network().Heal();
  trio.world.Settle();
  CHECK(trio.Linked(kOne, kTwo));
}

TEST_CASE("a partition parts its side from all others, and the next one replaces it") {
  Trio trio;
  trio.world.network().Partition({kOne});
  trio.world.Settle();
  CHECK_FALSE(trio.Linked(kOne, kTwo));
  CHECK_FALSE(trio.Linked(kOne, kThree));
  CHECK(trio.Linked(kTwo, kThree));
  trio.world.network().Partition({kOne, kTwo});
  trio.world.Settle();
  CHECK(trio.Linked(kOne, kTwo));
  CHECK_FALSE(trio.Linked(kTwo, kThree));
  trio.world.network().Heal();
  trio.world.Settle();
  CHECK(trio.Linked(kTwo, kThree));
}

TEST_CASE("a link is down at both ends before the next one, however late the news") {
  Trio trio({.delay_min = absl::Milliseconds(1), .delay_max = absl::Milliseconds(100)});
  for (int i = 1; i <= 20; ++i) {  // a link up beside another would be a violation
    trio.peers[kOne]->transport().DropLink(*trio.peers[kOne]->link(kTwo));
    trio.world.Settle();
    CHECK(trio.peers[kTwo]->downs(kOne) == i);
    CHECK(trio.Linked(kOne, kTwo));
  }
}

TEST_CASE("messages stalled one way arrive when the link heals, and the link stays") {
  Trio trio;
  trio.world.network().SetPath(kOne, kTwo, {.stalled = true});
  trio.peers[kOne]->Send(kTwo, Ack{});
  trio.peers[kOne]->transport().Notify(kTwo, {.round = 1});
  trio.peers[kOne]->transport().Notify(kTwo, {.round = 2});
  trio.peers[kTwo]->Send(kOne, Ack{});
  trio.world.Settle();
  CHECK(trio.peers[kTwo]->messages(kOne).empty());
  CHECK(trio.peers[kOne]->messages(kTwo).size() == 1);
  trio.world.network().Heal();
  trio.world.Settle();
  CHECK(trio.peers[kTwo]->messages(kOne).size() == 1);
  const auto notified = trio.peers[kTwo]->notifications(*trio.peers[kTwo]->link(kOne));
  REQUIRE(notified.size() == 1);
  CHECK(notified.front().round == 2);
  CHECK(trio.peers[kOne]->downs(kTwo) == 0);
}

TEST_CASE("a crashed process hears nothing more, and its peers lose their links") {
  Trio trio;
  trio.peers[kOne]->Send(kTwo, Ack{});
  trio.peers[kTwo]->Send(kOne, Ack{});
  trio.world.network().Crash(kOne);
  trio.world.Settle();
  CHECK(trio.peers[kOne]->downs(kTwo) == 0);
  CHECK(trio.peers[kOne]->messages(kTwo).empty());
  for (const ServerId sid : {kTwo, kThree}) CHECK(trio.peers[sid]->downs(kOne) == 1);
  CHECK(trio.Linked(kTwo, kThree));
  trio.peers[kOne] = std::make_unique<ContractPeer>(&trio.world, Identity{.sid = kOne, .boot = 2});
  REQUIRE(trio.peers[kOne]->Start().ok());
  trio.peers[kOne]->SetMembers({kOne, kTwo, kThree});
  trio.world.Settle();
  CHECK(trio.Linked(kOne, kTwo));
}

TEST_CASE("the same seed runs the same way") {
  const auto run = [] {
    Trio trio;
    for (int i = 0; i < 100; ++i) trio.peers[kOne]->Send(kTwo, Ack{});
    trio.world.network().Disconnect(kOne, kTwo);
    trio.world.Settle();
    return std::pair(trio.world.scheduler().steps(), trio.peers[kTwo]->downs(kOne));
  };
  CHECK(run() == run());
}

}  // namespace
}  // namespace zkq::testing
