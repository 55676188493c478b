#include "lib/runtime/strand.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "lib/env/system_clock.h"
#include "lib/env/thread_executor.h"
#include "test/harness/catch.h"
#include "zkq/testing/sim.h"

namespace zkq::runtime {
namespace {

using testing::SimClock;
using testing::SimExecutor;
using testing::SimScheduler;

constexpr absl::Duration kForever = absl::Seconds(60);

struct SimWorld {
  SimScheduler scheduler{1};
  std::shared_ptr<SimClock> clock = std::make_shared<SimClock>(&scheduler);
  std::shared_ptr<SimExecutor> executor = std::make_shared<SimExecutor>(&scheduler);
  std::string log;

  Strand::Task Say(std::string word) {
    return [this, word] { log += word; };
  }
  void Run() { scheduler.RunFor(absl::Seconds(1)); }
};

TEST_CASE("tasks run in the order they were posted, and never inside Post") {
  SimWorld world;
  Strand strand(world.executor);
  strand.Post(world.Say("a"));
  strand.Post([&] {
    strand.Post(world.Say("c"));
    world.log += "b";
  });
  REQUIRE(world.log == "");
  world.Run();
  REQUIRE(world.log == "abc");
  REQUIRE(!strand.busy());
}

TEST_CASE("tasks of one strand never overlap on real threads") {
  const auto executor = NewThreadExecutor(4);
  Strand strand(executor);
  constexpr int kThreads = 4, kTasks = 2000;
  int unguarded = 0;
  std::atomic<int> inside{0}, overlaps{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kTasks; ++i) {
        strand.Post([&] {
          overlaps += ++inside == 1 ? 0 : 1;
          ++unguarded;
          --inside;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(strand.AwaitIdle(kForever));
  REQUIRE(overlaps == 0);
  REQUIRE(unguarded == kThreads * kTasks);
}

TEST_CASE("a closed strand begins no task, and destroys those that waited") {
  SimWorld world;
  auto owned = std::make_shared<int>();
  const std::weak_ptr<int> witness = owned;
  Strand strand(world.executor);
  strand.Post([&world, owned = std::move(owned)] { world.log += "x"; });
  strand.Close();
  REQUIRE(witness.expired());
  REQUIRE(!strand.busy());
  strand.Post(world.Say("y"));
  world.Run();
  REQUIRE(world.log == "");
}

TEST_CASE("a task that closes its strand is the last one") {
  SimWorld world;
  Strand strand(world.executor);
  strand.Post([&] {
    world.log += "a";
    strand.Close();
  });
  strand.Post(world.Say("b"));
  world.Run();
  REQUIRE(world.log == "a");
}

TEST_CASE("a strand may be destroyed in its own task") {
  SimWorld world;
  auto strand = std::make_unique<Strand>(world.executor);
  strand->Post([&] { strand.reset(); });
  world.Run();
  REQUIRE(strand == nullptr);
}

TEST_CASE("a task knows the strand it is inside of") {
  SimWorld world;
  Strand strand(world.executor), other(world.executor);
  bool inside = false, inside_other = true;
  strand.Post([&] {
    inside = strand.Inside();
    inside_other = other.Inside();
  });
  world.Run();
  REQUIRE(inside);
  REQUIRE(!inside_other);
  REQUIRE(!strand.Inside());
}

TEST_CASE("a strand says what it is stuck in") {
  const auto executor = NewThreadExecutor(1);
  Strand strand(executor);
  std::atomic<bool> stuck{false}, released{false};
  strand.Post([&] {
    const Strand::Doing doing(strand, "StateMachine::Apply");
    stuck = true;
    executor->Wake();
    while (!released) std::this_thread::yield();
  });
  REQUIRE(executor->Await([&] { return stuck.load(); }, kForever));
  strand.Close();
  REQUIRE(!strand.AwaitIdle(absl::Milliseconds(1)));
  REQUIRE(std::string(strand.doing()) == "StateMachine::Apply");
  released = true;
  REQUIRE(strand.AwaitIdle(kForever));
  REQUIRE(std::string(strand.doing()) == "a task");
}

TEST_CASE("in virtual time a blocking task holds up what its strand does next") {
  SimWorld world;
  Strand strand(world.executor);
  absl::Duration next;
  strand.Post([&] { world.scheduler.Charge(absl::Seconds(3)); });
  world.scheduler.RunFor(absl::Seconds(1));
  strand.Post([&] { next = world.scheduler.now(); });
  world.scheduler.RunFor(absl::Seconds(5));
  REQUIRE(next == absl::Seconds(3));
  // However short it was.
  strand.Post([&] { world.scheduler.Charge(absl::Microseconds(5)); });
  world.scheduler.RunFor(absl::Microseconds(1));
  strand.Post([&] { next = world.scheduler.now(); });
  world.scheduler.RunFor(absl::Seconds(1));
  REQUIRE(next == absl::Seconds(6) + absl::Microseconds(5));
}

}  // namespace
}  // namespace zkq::runtime
