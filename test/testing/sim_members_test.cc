// Servers that come, go, and lose their disks, in a SimCluster, under writes.
#include "test/testing/members_world.h"

namespace zkq::testing {
namespace {

void AddTwo(World* world) {
  for (const int id : {4, 5}) Join(world, {.id = ServerId(id)});
  Change(world, ServerId{2}, [](Membership next) {
    return With(With(std::move(next), {.id = ServerId{4}}), {.id = ServerId{5}});
  });
  for (const int id : {4, 5}) AwaitStanding(world, ServerId(id), Standing::kMember);
}

TEST_CASE("a fourth and a fifth server join, are made voters together, and keep the ensemble up") {
  World world(3);
  {
    Writes writes(&world);
    AddTwo(&world);
    for (const int id : {1, 2}) world.cluster.server(ServerId(id)).Crash();
    writes.AwaitMore();
  }
  Converge(&world);
  REQUIRE(world.Agree());
}

TEST_CASE("the leader is removed: another leads, and it may be stopped") {
  World world(3);
  AddTwo(&world);
  {
    Writes writes(&world);
    const ServerId old = world.Leader();
    const ServerId asked = old == ServerId{5} ? ServerId{4} : ServerId{5};
    Change(&world, asked, [old](Membership next) { return Without(std::move(next), old); });
    world.Until([&] { return world.Leader() != old; });
    AwaitStanding(&world, old, Standing::kRemoved);
    world.cluster.server(old).Crash();
    writes.AwaitMore();
  }
  Converge(&world);
}

TEST_CASE("a lost disk is replaced by the one that is there, and the old one counts no more") {
  World world(3);
  const ServerId sid = world.Follower();
  SimServer& server = world.cluster.server(sid);
  world.Write(sid, "before");
  server.Crash();
  REQUIRE(server.LoseDisk());
  REQUIRE(server.Start() == absl::OkStatus());
  AwaitStanding(&world, sid, Standing::kJoining);
  REQUIRE_FALSE(world.cluster.counts(sid));
  Change(&world, sid, [sid](Membership next) {
    FindMember(&next, sid)->disk = kPresentDisk;
    return next;
  });
  AwaitStanding(&world, sid, Standing::kMember);
  REQUIRE(world.cluster.counts(sid));

  server.Crash();
  REQUIRE(server.InsertDisk(0));
  REQUIRE_FALSE(server.InsertDisk(2));
  REQUIRE(server.Start() == absl::OkStatus());
  world.Until([&] { return server.Status().leader.has_value(); });
  REQUIRE(server.Status().standing != Standing::kMember);
  world.Write(world.Leader(), "after");
  server.Crash();
  REQUIRE(server.InsertDisk(1));
  Converge(&world);
  REQUIRE(world.Agree());
}

TEST_CASE("a second machine takes the place of a server, which comes back beside it in vain") {
  World world(3);
  SimCluster& cluster = world.cluster;
  const ServerId sid = world.Follower(), second = TwinOf(sid);
  cluster.server(sid).Crash();
  REQUIRE(cluster.AddTwin(sid).Start() == absl::OkStatus());
  AwaitStanding(&world, second, Standing::kJoining);
  REQUIRE_FALSE(cluster.counts(second));
  Change(&world, second, [sid](Membership next) {
    FindMember(&next, sid)->disk = kPresentDisk;
    return next;
  });
  AwaitStanding(&world, second, Standing::kMember);
  REQUIRE(cluster.counts(second));
  REQUIRE(cluster.HasItsId(second));
  REQUIRE_FALSE(cluster.HasItsId(sid));

  REQUIRE(cluster.server(sid).Start() == absl::OkStatus());
  for (const ServerId other : {sid, second}) {  // wherever the name leads
    cluster.network().PointName(sid, other);
    world.Write(second, "through the second, to " + ToString(other));
    cluster.RunFor(absl::Seconds(2));
    REQUIRE_FALSE(cluster.server(sid).Status().leader);
    REQUIRE(cluster.server(second).Status().standing == Standing::kMember);
  }
  Converge(&world);
}

TEST_CASE("who first met a second machine of the leader's id finds the leader beside it") {
  World world(3);
  SimCluster& cluster = world.cluster;
  const ServerId leader = world.Leader(), joiner{4};
  cluster.server(leader).Crash();
  REQUIRE(cluster.AddTwin(leader).Start() == absl::OkStatus());
  AwaitStanding(&world, TwinOf(leader), Standing::kJoining);
  REQUIRE(cluster.server(leader).Start() == absl::OkStatus());
  AwaitStanding(&world, leader, Standing::kMember);
  for (int tries = 0; world.Leader() != leader && tries < 10; ++tries) {
    const ServerId other = world.Leader();
    cluster.server(other).Crash();
    world.Leader();
    REQUIRE(cluster.server(other).Start() == absl::OkStatus());
  }
  REQUIRE(world.Leader() == leader);
  cluster.network().PointName(leader, TwinOf(leader));
  REQUIRE(cluster.Add({.id = joiner}).Start() == absl::OkStatus());
  const auto linked = [&] {
    const std::vector<LinkStatus> links = cluster.server(joiner).Status().links;
    return std::any_of(links.begin(), links.end(),
                       [&](const LinkStatus& link) { return link.id == leader && link.up; });
  };
  world.Until([&] { return linked(); });
  REQUIRE_FALSE(cluster.server(joiner).Status().leader);
  cluster.network().PointName(leader, leader);
  world.Until([&] { return cluster.server(joiner).Status().leader == leader; });
  Converge(&world);
}

TEST_CASE("disks without which nobody leads are put back, also where a server is not founded yet") {
  World world(3);
  SimCluster& cluster = world.cluster;
  const ServerId leader = world.Leader(), follower = world.Follower();
  for (const ServerId sid : cluster.servers()) {
    if (sid == leader) continue;
    cluster.server(sid).Crash();
    REQUIRE(cluster.server(sid).LoseDisk());
    REQUIRE(cluster.server(sid).Start() == absl::OkStatus());
  }
  // Its links are refused, for who had the id first is up.
  SimServer& second = cluster.AddTwin(follower);
  REQUIRE(second.Start() == absl::OkStatus());
  cluster.RunFor(absl::Seconds(2));
  REQUIRE(second.Status().standing == Standing::kUnfounded);
  Converge(&world);
}

TEST_CASE("five servers are replaced one at a time, then all at once") {
  World world(5);
  {
    Writes writes(&world);
    for (uint64_t old = 1; old <= 5; ++old) {
      Join(&world, {.id = ServerId{old + 5}});
      Change(&world, ServerId{old + 5}, [old](Membership next) {
        return With(Without(std::move(next), ServerId{old}), {.id = ServerId{old + 5}});
      });
      world.cluster.server(ServerId{old}).Crash();
      writes.AwaitMore();
    }
    for (uint64_t id = 11; id <= 15; ++id) Join(&world, {.id = ServerId{id}});
    Change(&world, ServerId{11}, [](Membership next) {
      for (uint64_t id = 11; id <= 15; ++id) {
        next = With(Without(std::move(next), ServerId{id - 5}), {.id = ServerId{id}});
      }
      return next;
    });
    for (uint64_t id = 6; id <= 10; ++id) world.cluster.server(ServerId{id}).Crash();
    writes.AwaitMore();
  }
  Converge(&world);
  REQUIRE(world.Agree());
}

TEST_CASE("three of five disks are lost one after the other, and replaced") {
  World world(5);
  {
    Writes writes(&world);
    for (uint64_t id = 1; id <= 3; ++id) {
      const ServerId sid{id};
      SimServer& server = world.cluster.server(sid);
      server.Crash();
      REQUIRE(server.LoseDisk());
      REQUIRE(server.Start() == absl::OkStatus());
      AwaitStanding(&world, sid, Standing::kJoining);
      Change(&world, sid, [sid](Membership next) {
        FindMember(&next, sid)->disk = kPresentDisk;
        return next;
      });
      AwaitStanding(&world, sid, Standing::kMember);
      writes.AwaitMore();
    }
    for (uint64_t id = 4; id <= 5; ++id) world.cluster.server(ServerId{id}).Crash();
    writes.AwaitMore();
  }
  Converge(&world);
  REQUIRE(world.Agree());
}

TEST_CASE("an observer becomes a voter, and a voter an observer") {
  World world({.servers = 3, .observers = 1});
  {
    Writes writes(&world);
    AwaitStanding(&world, ServerId{4}, Standing::kMember);
    Change(&world, ServerId{4}, [](Membership next) {
      FindMember(&next, ServerId{4})->type = MemberType::kParticipant;
      Member* const first = FindMember(&next, ServerId{1});
      first->type = MemberType::kObserver;
      first->disk = {};
      return next;
    });
    world.Until([&] {
      return world.cluster.server(ServerId{1}).Status().state == PeerState::kObserving &&
             world.cluster.server(ServerId{4}).Status().state != PeerState::kObserving;
    });
    world.cluster.server(world.Leader()).Crash();
    writes.AwaitMore();
  }
  Converge(&world);
}

// Links that carry too much, or stand still, break.
TEST_CASE("a hundred observers cost nobody a link or the leader") {
  World world(
      SimClusterOptions{.servers = 3,
                        .observers = 100,
                        .network = {.outbound_bytes_max = 1 << 20, .inbound_bytes_max = 1 << 20}},
      [](ReplicaOptions* options) { options->max_command_bytes = 100'000; });
  Converge(&world);
  const ServerId leader = world.Leader();
  const ReplicaStatus before = world.cluster.server(leader).Status();
  {
    Writes writes(&world);
    for (int i = 0; i < 20; ++i) world.Write(ServerId(uint64_t(5 + i)), std::string(50'000, 'x'));
    writes.AwaitMore(100);
  }
  const ReplicaStatus after = world.cluster.server(leader).Status();
  REQUIRE(after.leads == before.leads);
  REQUIRE(after.links.size() == 102);
  for (size_t i = 0; i < after.links.size(); ++i) {
    REQUIRE(after.links[i].up);
    REQUIRE(after.links[i].since > before.links[i].since);
  }
  Converge(&world);
  REQUIRE(world.Agree());
}

TEST_CASE("a leader that is to be found elsewhere hands over, and follows there") {
  World world(3);
  const ServerId old = world.Leader();
  const Membership now = Change(&world, old, [](Membership next) {
    for (Member& member : next.members) member.address = "h" + ToString(member.id) + ":1";
    return next;
  });
  REQUIRE(FindMember(now, old)->address == "h" + ToString(old) + ":1");
  REQUIRE(world.Leader() != old);
  Converge(&world);
}

TEST_CASE("three groups: two of each of two decide") {
  World world({.servers = 9, .groups = {1, 1, 1, 2, 2, 2, 3, 3, 3}});
  for (const int id : {1, 2, 3, 6, 9}) world.cluster.server(ServerId(id)).Crash();
  world.Write(world.Leader(), "by four of nine");
  world.cluster.server(ServerId{8}).Crash();
  world.Until([&] { return !world.cluster.leader(); });
  Converge(&world);
}

TEST_CASE("a voter of weight 0 follows, and never leads") {
  World world({.servers = 3, .weights = {1, 1, 0}});
  REQUIRE(world.Leader() != ServerId{3});
  world.cluster.server(world.Leader()).Crash();
  world.cluster.RunFor(absl::Seconds(5));
  REQUIRE_FALSE(world.cluster.leader().has_value());
  Converge(&world);
}

// LIV-5: {1, 2, 3, 4, 5} to {1, 4, 5}, all others go at once, and so does the leader.
TEST_CASE("once a change is answered those whom it lists lead on, whatever becomes of the others") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    World world(5, nullptr, seed);
    const Membership now = Change(&world, ServerId{5}, [](Membership next) {
      return Without(Without(std::move(next), ServerId{2}), ServerId{3});
    });
    const ServerId leader = world.cluster.leader().value_or(ServerId{1});
    for (const ServerId sid : {ServerId{2}, ServerId{3}, leader}) world.cluster.server(sid).Crash();
    world.Until([&] { return world.cluster.leader().has_value(); });
    world.Write(world.Leader(), "on");
    REQUIRE(world.cluster.membership() == now);
  }
}

}  // namespace
}  // namespace zkq::testing
