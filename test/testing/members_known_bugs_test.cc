// What went wrong elsewhere with observers and with changes of the configuration, on whole
// ensembles: each test names the report that it is about.
#include "test/testing/members_world.h"

namespace zkq::testing {
namespace {

TEST_CASE("ZOOKEEPER-1783, 3829: a joiner's list of members is nobody's configuration") {
  World world(3);
  const Membership before = world.cluster.membership();
  Join(&world, {.id = ServerId{4}});
  for (const int id : {1, 2, 3, 4}) {
    world.cluster.server(ServerId(id)).Crash();
    REQUIRE(world.cluster.server(ServerId(id)).Start() == absl::OkStatus());
  }
  Converge(&world);
  REQUIRE(world.cluster.membership() == before);
  for (const int id : {1, 2, 3, 4}) {
    REQUIRE(world.cluster.server(ServerId(id)).Status().membership == before);
  }
  REQUIRE(world.Leader() != ServerId{4});
}

TEST_CASE("ZOOKEEPER-1783: what a joiner was started with cannot become the configuration") {
  World world(3);
  Converge(&world);
  const Membership before = world.cluster.membership();
  SimServer& joiner = world.cluster.Add({.id = ServerId{4}});
  REQUIRE(joiner.Start() == absl::OkStatus());
  world.Until([&] { return !joiner.Status().membership.members.empty(); });
  const Membership list = joiner.Status().membership;
  REQUIRE(joiner.Status().standing == Standing::kUnfounded);
  REQUIRE(list.version == kNotAgreed);
  AwaitStanding(&world, ServerId{4}, Standing::kJoining);
  REQUIRE(joiner.Status().membership == before);

  std::optional<absl::StatusOr<Membership>> answer;
  world.cluster.server(world.Leader())
      .Reconfigure(Without(list, ServerId{1}), absl::Seconds(30),
                   [&](absl::StatusOr<Membership> now) { answer = std::move(now); });
  world.Until([&] { return answer.has_value(); });
  REQUIRE(answer->status().code() == absl::StatusCode::kAborted);
  Converge(&world);
  REQUIRE(world.cluster.membership() == before);
}

TEST_CASE("ZOOKEEPER-1551: an observer that gets a snapshot gets what is written meanwhile") {
  World world({.servers = 3, .observers = 1});
  AwaitStanding(&world, ServerId{4}, Standing::kMember);
  {
    Writes writes(&world);
    world.LeaveBehind(ServerId{4});
    const int restores = world.notes[ServerId{4}].restores;
    world.cluster.network().Heal();
    world.Until([&] { return world.notes[ServerId{4}].restores > restores; });
    writes.AwaitMore();
  }
  Converge(&world);
  REQUIRE(world.Agree());
}

TEST_CASE("ZOOKEEPER-1552: an observer goes on from its log") {
  World world({.servers = 3, .observers = 1});
  for (int i = 0; i < 20; ++i) world.Write(ServerId{4}, "w" + std::to_string(i));
  SimServer& observer = world.cluster.server(ServerId{4});
  const Zxid logged = observer.Status().last_logged;
  observer.Crash();
  REQUIRE(observer.Start() == absl::OkStatus());
  REQUIRE(observer.Status().last_logged == logged);
  Converge(&world);
  REQUIRE(world.notes[ServerId{4}].restores == 0);
  REQUIRE(world.Agree());
}

TEST_CASE("ZOOKEEPER-1807: observers have links to voters alone") {
  World world({.servers = 3, .observers = 2});
  Converge(&world);
  for (const LinkStatus& link : world.cluster.server(ServerId{4}).Status().links) {
    CHECK(link.up == (ToInt(link.id) <= 3));
  }
}

TEST_CASE("ZOOKEEPER-2959: observers make no quorum") {
  World world({.servers = 3, .observers = 2});
  Converge(&world);
  const ServerId leader = world.Leader();
  for (const int id : {1, 2, 3}) {
    if (ServerId(id) != leader) world.cluster.server(ServerId(id)).Crash();
  }
  world.Until([&] { return !world.cluster.leader(); });
  const Epoch epoch = world.cluster.server(leader).Status().epoch;
  world.cluster.RunFor(absl::Seconds(20));
  REQUIRE_FALSE(world.cluster.leader().has_value());
  REQUIRE(world.cluster.server(leader).Status().epoch == epoch);
  Converge(&world);
}

TEST_CASE("ZOOKEEPER-2212: who was down while the configuration changed joins under the new one") {
  World world(3);
  for (const int id : {4, 5}) Join(&world, {.id = ServerId(id)});
  world.cluster.server(ServerId{3}).Crash();
  Change(&world, ServerId{4}, [](Membership next) {
    return With(With(std::move(next), {.id = ServerId{4}}), {.id = ServerId{5}});
  });
  const Membership now = Change(
      &world, ServerId{5}, [](Membership next) { return Without(std::move(next), ServerId{1}); });
  for (const int id : {1, 2}) world.cluster.server(ServerId(id)).Crash();
  REQUIRE(world.cluster.server(ServerId{3}).Start() == absl::OkStatus());
  world.Until([&] { return world.cluster.leader().has_value(); });
  world.Write(world.Leader(), "by 3, 4 and 5");
  REQUIRE(world.cluster.server(ServerId{3}).Status().membership == now);
  Converge(&world);
}

TEST_CASE("ZOOKEEPER-2819: a snapshot brings its configuration, and no older one replaces it") {
  World world(3);
  Join(&world, {.id = ServerId{4}});
  const ServerId late = world.Follower();
  world.cluster.network().Partition({late});
  const ServerId asked = late == ServerId{1} ? ServerId{2} : ServerId{1};
  const Membership now = Change(
      &world, asked, [](Membership next) { return With(std::move(next), {.id = ServerId{4}}); });
  world.LeaveBehind(late);
  world.cluster.network().Heal();
  world.Until([&] { return world.cluster.server(late).Status().membership == now; });
  for (const ServerId sid : world.cluster.servers()) {
    world.cluster.server(sid).Crash();
    REQUIRE(world.cluster.server(sid).Start() == absl::OkStatus());
    Converge(&world);
    REQUIRE(world.cluster.server(sid).Status().membership == now);
  }
}

// OWN-3: a change that reached one follower alone, and whose leader has lost it, is gone with its
// entry: the follower joins the others under the configuration that they have.
TEST_CASE("OWN-3: a change that was cut from the log leaves nothing") {
  int cut = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    World world(3, nullptr, seed);
    const ServerId leader = world.Leader(), follower = world.Follower();
    const ServerId third = ServerId(6 - ToInt(leader) - ToInt(follower));
    const Membership before = world.cluster.membership();
    world.cluster.network().Cut(leader, third);
    world.cluster.RunFor(absl::Milliseconds(1));  // what was said before is written
    const Zxid logged = world.cluster.server(follower).Status().last_logged;
    world.cluster.server(leader).CrashAtDisk(1, CrashMode::kPower);
    world.cluster.server(leader).Reconfigure(Without(before, third), absl::Seconds(5), nullptr);
    world.cluster.RunFor(absl::Milliseconds(100));
    if (world.cluster.server(follower).Status().last_logged == logged) continue;
    world.cluster.server(follower).Crash();
    world.cluster.Heal();
    REQUIRE(world.cluster.server(leader).Start() == absl::OkStatus());
    world.Write(third, "without it");
    Converge(&world);
    REQUIRE(world.cluster.membership() == before);
    REQUIRE(world.cluster.server(follower).Status().membership == before);
    ++cut;
  }
  REQUIRE(cut > 0);
}

}  // namespace
}  // namespace zkq::testing
