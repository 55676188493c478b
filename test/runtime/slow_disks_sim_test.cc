// Disks that take their time: a sync of any length that is usual for a disk makes a slow
// ensemble, and not none (PROTOCOL §9.2). One that stands still is another matter.
#include <string>

#include "test/harness/catch.h"
#include "test/testing/world.h"

namespace zkq::testing {
namespace {

struct Told {
  int succeeded = 0;
  int failed = 0;
};

// Writes through every server in turn, one each `interval`.
Told WriteRegularly(World* world, int writes, absl::Duration interval, size_t bytes) {
  Told told;
  const auto& servers = world->cluster.servers();
  for (int i = 0; i < writes; ++i) {
    const ServerId sid = servers[static_cast<size_t>(i) % servers.size()];
    world->cluster.server(sid).Propose(
        std::string(bytes, 'w') + std::to_string(i), absl::InfiniteDuration(),
        [&told](absl::StatusOr<Reply> reply) { ++(reply.ok() ? told.succeeded : told.failed); });
    world->cluster.RunFor(interval);
  }
  world->cluster.RunUntil([&] { return told.succeeded + told.failed == writes; }, absl::Minutes(5));
  return told;
}

void ServesWith(absl::Duration per_sync, absl::Duration interval = absl::Milliseconds(700),
                size_t bytes = 0) {
  INFO(absl::FormatDuration(per_sync) << " a sync");
  World world({.servers = 3, .seed = 3, .sync_delay = per_sync});
  const auto& servers = world.cluster.servers();
  world.Until([&] {
    return std::all_of(servers.begin(), servers.end(), [&](ServerId sid) {
      return world.cluster.server(sid).Status().leader.has_value();
    });
  });
  const Epoch epoch = world.cluster.server(world.Leader()).Status().epoch;
  const Told told = WriteRegularly(&world, 60, interval, bytes);
  REQUIRE(told.failed == 0);
  REQUIRE(told.succeeded == 60);
  for (const ServerId sid : servers) {
    INFO(world.cluster.Describe());
    REQUIRE(world.cluster.server(sid).Status().epoch == epoch);
  }
  REQUIRE(world.cluster.CheckInvariants() == absl::OkStatus());
}

TEST_CASE("disks of 0.6 s a sync serve, and cost nobody a session") {
  ServesWith(absl::Milliseconds(600));
}
TEST_CASE("disks of 0.9 s a sync serve, and cost nobody a session") {
  ServesWith(absl::Milliseconds(900));
}
TEST_CASE("disks of 3 s a sync serve, and cost nobody a session") { ServesWith(absl::Seconds(3)); }

// Where its file is full, the log makes four syncs for one write; here in each 25 writes.
TEST_CASE("slow disks serve also where the log goes on in another file") {
  for (const int milliseconds : {600, 900}) {
    ServesWith(absl::Milliseconds(milliseconds), absl::Milliseconds(1100), 2500);
  }
}

TEST_CASE("a leader whose disk stands still for longer than it ever took gives way") {
  World world({.servers = 3, .seed = 3});
  const ServerId leader = world.Leader();
  world.Write(leader, "before");
  world.cluster.server(leader).StallDisk(absl::Seconds(20));
  world.cluster.server(leader).Propose("stalls", absl::InfiniteDuration(),
                                       [](absl::StatusOr<Reply>) {});
  REQUIRE(world.cluster.RunUntil(
      [&] {
        const auto now = world.cluster.leader();
        return now && *now != leader;
      },
      absl::Seconds(3)));
}

}  // namespace
}  // namespace zkq::testing
