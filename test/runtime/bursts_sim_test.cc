// Large writes, and many of them at once: they take their time, and cost nobody a session.
#include <string>

#include "test/harness/catch.h"
#include "test/testing/world.h"
#include "zkq/status.h"

namespace zkq::testing {
namespace {

void TakeLarge(ReplicaOptions* options) {
  options->max_command_bytes = 60 << 20;
  options->log_segment_bytes = 64 << 20;
}

// All serve, in one epoch, over links of so many bytes a second.
struct Narrow {
  explicit Narrow(uint64_t rate = 10'000'000, absl::Duration sync_delay = absl::Milliseconds(5))
      : world(SimClusterOptions{.servers = 3, .seed = 3, .sync_delay = sync_delay}, TakeLarge) {
    const auto& all = world.cluster.servers();
    world.Until([&] {
      return std::all_of(all.begin(), all.end(), [&](ServerId sid) {
        return world.cluster.server(sid).Status().leader.has_value();
      });
    });
    for (const ServerId from : all) {
      for (const ServerId to : all) {
        if (from != to) world.cluster.network().SetPath(from, to, {.bytes_per_second = rate});
      }
    }
    epoch = world.cluster.server(world.Leader()).Status().epoch;
  }

  // Through `sid`, all at once. Whether all succeed, and nobody leaves its leader meanwhile.
  void Write(ServerId sid, int writes, size_t bytes) {
    int succeeded = 0, told = 0;
    for (int i = 0; i < writes; ++i) {
      world.cluster.server(sid).Propose(std::string(bytes, 'w') + std::to_string(i),
                                        absl::Minutes(5), [&](absl::StatusOr<Reply> reply) {
                                          succeeded += reply.ok();
                                          ++told;
                                        });
    }
    bool followed = true;
    const auto done = [&] {
      for (const ServerId each : world.cluster.servers()) {
        followed = followed && world.cluster.server(each).Status().leader.has_value();
      }
      return !followed || told == writes;
    };
    world.cluster.RunUntil(done, absl::Minutes(6));
    INFO(world.cluster.Describe());
    CHECK(followed);
    CHECK(world.cluster.server(world.Leader()).Status().epoch == epoch);
    world.Until([&] { return told == writes; }, absl::Minutes(6));
    CHECK(succeeded == writes);
  }

  World world;
  Epoch epoch = 0;
};

TEST_CASE("a burst of 60 writes of 1 MiB through a follower costs it no session") {
  Narrow narrow;
  narrow.Write(narrow.world.Follower(), 60, (1 << 20) - 64);
}

TEST_CASE("a burst of 60 writes of 1 MiB through the leader costs nobody a session") {
  Narrow narrow;
  narrow.Write(narrow.world.Leader(), 60, (1 << 20) - 64);
}

TEST_CASE("a command of 60 MiB costs neither the leader its office nor a follower its session") {
  for (const bool through_leader : {true, false}) {
    Narrow narrow;
    World& world = narrow.world;
    narrow.Write(through_leader ? world.Leader() : world.Follower(), 1, (60 << 20) - 64);
  }
}

TEST_CASE("a write of 1 MiB over lines of 4 Mbit/s costs nobody a session, whoever takes it") {
  for (const bool through_leader : {true, false}) {
    Narrow narrow(500'000);
    World& world = narrow.world;
    narrow.Write(through_leader ? world.Leader() : world.Follower(), 1, (1 << 20) - 64);
  }
}

// More than what a transport reads before it is consumed.
TEST_CASE("what waits for disks of 1.5 s a sync keeps no leader from being heard") {
  SECTION("one command of 17 MiB") {
    Narrow narrow(10'000'000, absl::Milliseconds(1500));
    narrow.Write(narrow.world.Leader(), 1, (17 << 20) - 64);
  }
  SECTION("20 of 1 MiB") {
    Narrow narrow(10'000'000, absl::Milliseconds(1500));
    narrow.Write(narrow.world.Leader(), 20, (1 << 20) - 64);
  }
}

// What nobody waits for any more must not stand before what is asked now.
TEST_CASE("twice the writes that a line carries leave nothing behind that their callers gave up") {
  Narrow narrow(5'000'000);
  SimServer& follower = narrow.world.cluster.server(narrow.world.Follower());
  int succeeded = 0;
  for (int i = 0; i < 150; ++i) {  // else what is left behind takes 15 s
    follower.Propose(std::string(1'000'000, 'w') + std::to_string(i), absl::Seconds(1),
                     [&](const absl::StatusOr<Reply>& reply) { succeeded += reply.ok(); });
    narrow.world.cluster.RunFor(absl::Milliseconds(100));
  }
  CHECK(succeeded > 0);
  bool written = false;
  follower.Propose("small", absl::Seconds(5),
                   [&](const absl::StatusOr<Reply>& reply) { written = reply.ok(); });
  narrow.world.Until([&] { return written; }, absl::Seconds(5));
}

// The Ack of what the leader proposes meanwhile is queued after 58 MiB on the line; the disk has
// it, as its pongs say. With a third server down the session is the leader's office.
TEST_CASE("a small write while a command of 60 MiB is on its way costs no session") {
  bool large = false, small = false;
  Narrow narrow;
  World& world = narrow.world;
  const ServerId leader = world.Leader(), follower = world.Follower();
  for (const ServerId sid : world.cluster.servers()) {
    if (sid != leader && sid != follower) world.cluster.server(sid).Crash();
  }
  world.cluster.server(follower).Propose(std::string((60 << 20) - 64, 'w'), absl::Minutes(5),
                                         [&](absl::StatusOr<Reply> reply) { large = reply.ok(); });
  world.cluster.RunFor(absl::Milliseconds(200));
  world.cluster.server(leader).Propose("small", absl::Minutes(5),
                                       [&](absl::StatusOr<Reply> reply) { small = reply.ok(); });
  bool led = true;
  world.Until([&] {
    led = led && world.cluster.leader().has_value();
    return !led || (large && small);
  });
  CHECK(led);
}

// Of 40 MB some 8 have left by then.
TEST_CASE("writes that wait in a follower that loses its leader are told when it has one again") {
  int done = 0, others = 0;
  Narrow narrow(5'000'000);
  const ServerId sid = narrow.world.Follower();
  SimServer& follower = narrow.world.cluster.server(sid);
  for (int i = 0; i < 40; ++i) {
    follower.Propose(std::string(1'000'000, 'w'), absl::InfiniteDuration(),
                     [&](const absl::StatusOr<Reply>& reply) { ++(reply.ok() ? done : others); });
  }
  narrow.world.cluster.RunFor(absl::Milliseconds(100));
  narrow.world.cluster.network().Partition({sid});
  narrow.world.Until([&] { return !follower.Status().leader; });
  narrow.world.cluster.RunFor(absl::Milliseconds(100));
  CHECK(done + others == 0);
  narrow.world.cluster.network().Heal();
  narrow.world.Until([&] { return done + others == 40; });
  CHECK(others == 0);
}

// A follower that is cut off while others go on, and then has 1 Mbit/s.
struct ThinLine {
  explicit ThinLine(size_t window_bytes)
      : world(SimClusterOptions{.servers = 3, .seed = 3},
              [=](ReplicaOptions* options) { options->window_bytes = window_bytes; }) {
    world.cluster.RunFor(absl::Seconds(2));
    late = world.Follower();
  }
  void CatchUp() {
    for (const ServerId other : world.cluster.servers()) {
      if (other == late) continue;
      world.cluster.network().SetPath(other, late, {.bytes_per_second = 125'000});
    }
    world.cluster.network().Partition({});
    world.Until(
        [&] {
          return world.cluster.server(late).Status().last_applied ==
                 world.cluster.server(world.Leader()).Status().last_applied;
        },
        absl::Minutes(1));
  }
  World world;
  ServerId late{};
};

TEST_CASE("a follower that lacks 4 MB is brought up over 1 Mbit/s") {
  ThinLine line(64 << 20);
  World& world = line.world;
  world.cluster.network().Partition({line.late});
  world.cluster.RunFor(absl::Seconds(2));
  for (int i = 0; i < 200; ++i) {
    world.Write(world.Leader(), std::string(20'000, 'w') + std::to_string(i));
  }
  line.CatchUp();
}

TEST_CASE("a snapshot is installed over 1 Mbit/s") {
  ThinLine line(1);
  line.world.LeaveBehind(line.late);
  line.CatchUp();
  CHECK(line.world.notes[line.late].restores > 0);
}

}  // namespace
}  // namespace zkq::testing
