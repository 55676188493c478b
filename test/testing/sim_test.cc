#include "zkq/testing/sim.h"

#include <functional>
#include <optional>
#include <string>

#include "test/harness/catch.h"

namespace zkq::testing {
namespace {

using absl::Milliseconds;
using absl::Seconds;

TEST_CASE("tasks run in the order of their time, and of their queuing at one instant") {
  SimScheduler world(1);
  std::string ran;
  world.After(Seconds(2), [&] { ran += "c"; });
  world.After(Seconds(1), [&] { ran += "a"; });
  world.After(Seconds(1), [&] { ran += "b"; });
  world.RunFor(Milliseconds(1999));
  REQUIRE(ran == "ab");
  world.RunFor(Milliseconds(1));
  REQUIRE(ran == "abc");
  REQUIRE(world.now() == Seconds(2));
}

TEST_CASE("a run stops as soon as its condition holds, or at its limit") {
  SimScheduler world(1);
  int ticks = 0;
  std::function<void()> tick = [&] {
    ++ticks;
    world.After(Seconds(1), tick);
  };
  tick();
  REQUIRE(world.RunUntil([&] { return ticks == 5; }, Seconds(60)));
  REQUIRE(world.now() == Seconds(4));
  REQUIRE_FALSE(world.RunUntil([&] { return ticks == 100; }, Seconds(6)));
  REQUIRE(world.now() == Seconds(10));
}

TEST_CASE("a world in which nothing can happen any more is not waited for") {
  SimScheduler world(1);
  REQUIRE_FALSE(world.RunUntil([] { return false; }, absl::InfiniteDuration()));
}

TEST_CASE("a cancelled task does not run and lets go of what it holds") {
  SimScheduler world(1);
  auto held = std::make_shared<int>();
  const uint64_t id = world.After(Seconds(1), [held] { FAIL("cancelled"); });
  REQUIRE(held.use_count() == 2);
  REQUIRE(world.Cancel(id));
  REQUIRE(held.use_count() == 1);
  REQUIRE_FALSE(world.Cancel(id));
  world.RunFor(Seconds(2));
}

TEST_CASE("time that a task charges delays what it queues, and nothing else") {
  SimScheduler world(1);
  absl::Duration after, beside;
  world.After(Seconds(1), [&] {
    world.Charge(Seconds(3));
    world.After(absl::ZeroDuration(), [&] { after = world.now(); });
  });
  world.After(Seconds(2), [&] { beside = world.now(); });
  world.RunFor(Seconds(10));
  REQUIRE(after == Seconds(4));
  REQUIRE(beside == Seconds(2));
}

TEST_CASE("a seed decides everything drawn from it") {
  SimScheduler a(7), b(7), c(8);
  const uint64_t drawn = a.random().Next();
  REQUIRE(b.random().Next() == drawn);
  REQUIRE(c.random().Next() != drawn);
  REQUIRE(a.random().Below(10) < 10);
  REQUIRE(a.random().Below(0) == 0);
}

TEST_CASE("clocks follow virtual time, the wall clock with an offset of its own") {
  SimScheduler world(1);
  SimClock clock(&world);
  const absl::Time wall = clock.Wall();
  world.RunFor(Seconds(5));
  REQUIRE(clock.Monotonic() == Seconds(5));
  REQUIRE(clock.Wall() - wall == Seconds(5));
  clock.SetWallOffset(-absl::Hours(1));
  REQUIRE(clock.Wall() < wall);
  REQUIRE(clock.Monotonic() == Seconds(5));
}

TEST_CASE("an executor knows its own tasks and runs none inside Run") {
  SimScheduler world(1);
  SimExecutor a(&world), b(&world);
  std::optional<bool> in_a, in_b;
  a.Run([&] {
    in_a = a.InTask();
    in_b = b.InTask();
  });
  REQUIRE_FALSE(in_a.has_value());
  REQUIRE_FALSE(a.InTask());
  world.RunFor(absl::ZeroDuration());
  REQUIRE(in_a == true);
  REQUIRE(in_b == false);
  REQUIRE_FALSE(a.InTask());
}

TEST_CASE("Await moves the world on until it is done or the time is up") {
  SimScheduler world(1);
  SimExecutor executor(&world), other(&world);
  bool done = false;
  other.RunAfter(Seconds(3), [&] { done = true; });
  REQUIRE_FALSE(executor.Await([&] { return done; }, Seconds(2)));
  REQUIRE(world.now() == Seconds(2));
  REQUIRE(executor.Await([&] { return done; }, Seconds(2)));
  REQUIRE(world.now() == Seconds(3));
}

TEST_CASE("Await inside a task cannot move the world and says how things stand") {
  SimScheduler world(1);
  SimExecutor executor(&world);
  std::optional<bool> awaited;
  executor.Run([&] { awaited = executor.Await([] { return false; }, Seconds(1)); });
  world.RunFor(Seconds(1));
  REQUIRE(awaited == false);
}

TEST_CASE("a stopped executor runs nothing, and keeps nothing alive") {
  SimScheduler world(1);
  SimExecutor executor(&world);
  auto held = std::make_shared<int>();
  executor.Run([held] { FAIL("stopped"); });
  const uint64_t timer = executor.RunAfter(Seconds(1), [held] { FAIL("stopped"); });
  executor.Stop();
  executor.Run([held] { FAIL("stopped"); });
  REQUIRE(executor.RunAfter(Seconds(1), [held] { FAIL("stopped"); }) != 0);
  REQUIRE(held.use_count() == 1);
  REQUIRE_FALSE(executor.Cancel(timer));
  world.RunFor(Seconds(2));
}

// Calls `at_end` when it is destroyed.
struct AtEnd {
  explicit AtEnd(std::function<void()> call) : at_end(std::move(call)) {}
  ~AtEnd() { at_end(); }
  std::function<void()> at_end;
};

TEST_CASE("a scheduler that goes may take the last reference to an executor with it") {
  std::string gone;
  auto held = std::make_shared<int>();
  {
    SimScheduler world(1);
    auto executor = std::make_shared<SimExecutor>(&world);
    // Destroyed with the executor, by the task that holds it.
    executor->Run([end = std::make_unique<AtEnd>([&] { gone += "its task "; })] {});
    world.After(Seconds(1), [last = executor] {});
    // Queues when it is destroyed.
    world.After(Seconds(1), [end = std::make_unique<AtEnd>([&] {
                               gone += "another ";
                               world.After(Seconds(1), [held] {});
                             })] {});
    executor = nullptr;
  }
  REQUIRE(gone == "its task another ");
  REQUIRE(held.use_count() == 1);
}

TEST_CASE("a process that dies in one of its own tasks ends with it") {
  SimScheduler world(1);
  auto executor = std::make_unique<SimExecutor>(&world);
  executor->Run([&] { executor = nullptr; });
  executor->Run([] { FAIL("dead"); });
  world.RunFor(Seconds(1));
  REQUIRE(executor == nullptr);
}

TEST_CASE("a timer can be cancelled on its own executor until it runs") {
  SimScheduler world(1);
  SimExecutor executor(&world), other(&world);
  const uint64_t timer = executor.RunAfter(Seconds(1), [] {});
  REQUIRE(timer != 0);
  REQUIRE_FALSE(other.Cancel(timer));
  REQUIRE(executor.Cancel(timer));
  const uint64_t late = executor.RunAfter(Seconds(1), [] {});
  world.RunFor(Seconds(1));
  REQUIRE_FALSE(executor.Cancel(late));
}

TEST_CASE("a paused process runs what came due when it goes on, in that order") {
  SimScheduler scheduler(1);
  SimExecutor executor(&scheduler);
  std::string ran;
  executor.RunAfter(absl::Seconds(2), [&] { ran += "b"; });
  executor.RunAfter(absl::Seconds(1), [&] { ran += "a"; });
  const uint64_t cancelled = executor.RunAfter(absl::Seconds(1), [&] { ran += "x"; });
  executor.Pause();
  scheduler.RunFor(absl::Seconds(3));
  REQUIRE(ran.empty());
  REQUIRE(executor.Cancel(cancelled));
  executor.Resume();
  scheduler.RunFor(absl::ZeroDuration());
  REQUIRE(ran == "ab");
}

TEST_CASE("a machine's monotonic clock may drift, stand still and leap, and never falls") {
  SimScheduler scheduler(1);
  SimClock clock(&scheduler);
  scheduler.RunFor(absl::Seconds(10));
  clock.SetRate(1.5);
  scheduler.RunFor(absl::Seconds(10));
  REQUIRE(clock.Monotonic() == absl::Seconds(25));
  clock.SetRate(0);
  scheduler.RunFor(absl::Seconds(10));
  REQUIRE(clock.Monotonic() == absl::Seconds(25));
  clock.Jump(absl::Seconds(3));
  clock.Jump(absl::Seconds(-3));
  REQUIRE(clock.Monotonic() == absl::Seconds(28));
  clock.SetRate(1);
  scheduler.RunFor(absl::Seconds(2));
  REQUIRE(clock.Monotonic() == absl::Seconds(30));
}

}  // namespace
}  // namespace zkq::testing
