// Large writes, and many of them at once: they take their time, and cost nobody a session.
#include <string>

#include "test/harness/catch.h"
#include "test/testing/world.h"

namespace zkq::testing {
namespace {

// All serve, in one epoch, over links of 10 MB a second.
struct Narrow {
  explicit Narrow(std::function<void(ReplicaOptions*)> adjust = nullptr)
      : world(SimClusterOptions{.servers = 3, .seed = 3, .sync_delay = absl::Milliseconds(5)},
              std::move(adjust)) {
    const auto& all = world.cluster.servers();
    world.Until([&] {
      return std::all_of(all.begin(), all.end(), [&](ServerId sid) {
        return world.cluster.server(sid).Status().leader.has_value();
      });
    });
    for (const ServerId from : all) {
      for (const ServerId to : all) {
        if (from != to) world.cluster.network().SetPath(from, to, {.bytes_per_second = 10'000'000});
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
  const auto large = [](ReplicaOptions* options) { options->max_command_bytes = 60 << 20; };
  for (const bool through_leader : {true, false}) {
    Narrow narrow(large);
    World& world = narrow.world;
    narrow.Write(through_leader ? world.Leader() : world.Follower(), 1, (60 << 20) - 64);
  }
}

}  // namespace
}  // namespace zkq::testing
