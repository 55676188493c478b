// StalenessChecker: when a server calls itself fresher than it is (PROTOCOL §9.1).
#include "lib/testing/checks/staleness_checker.h"

#include "test/harness/catch.h"

namespace zkq::testing {
namespace {

constexpr ServerId kServer{1};

struct World {
  SimScheduler scheduler{1};
  absl::Duration paced = absl::ZeroDuration();
  StalenessChecker checker{&scheduler, [this](ServerId) { return paced; }};

  void Pass(absl::Duration time) { scheduler.RunFor(time); }
  void Acknowledge(Zxid zxid) { checker.OnDone(1, Reply{.zxid = zxid, .value = {}}); }
  bool Violates(Zxid applied, absl::Duration staleness) {
    ReplicaStatus status{.id = kServer};
    status.last_applied = applied;
    status.staleness = staleness;
    checker.OnStatus(kServer, status);
    return checker.violation().has_value();
  }
};

TEST_CASE("staleness checker: what was acknowledged longer ago has to be applied") {
  World world;
  world.Pass(absl::Seconds(1));
  world.Acknowledge({1, 1});
  world.Pass(absl::Seconds(1));
  world.Acknowledge({1, 2});
  world.Pass(absl::Seconds(1));
  CHECK(!world.Violates({1, 2}, absl::ZeroDuration()));
  CHECK(!world.Violates({1, 1}, absl::Seconds(1)));
  CHECK(!world.Violates({}, absl::InfiniteDuration()));
  CHECK(world.Violates({1, 1}, absl::Milliseconds(999)));
  CHECK(world.checker.violation()->property == "staleness");
}

TEST_CASE("staleness checker: nothing is asked while a clock goes at another pace") {
  World world;
  world.Pass(absl::Seconds(1));
  world.Acknowledge({1, 1});
  world.Pass(absl::Seconds(1));
  world.paced = absl::InfiniteDuration();
  CHECK(!world.Violates({}, absl::ZeroDuration()));
  world.paced = absl::Milliseconds(1500);
  CHECK(!world.Violates({}, absl::Milliseconds(600)));
  CHECK(world.Violates({}, absl::Milliseconds(400)));
}

}  // namespace
}  // namespace zkq::testing
