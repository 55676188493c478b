#include "lib/runtime/callbacks.h"

#include "test/harness/catch.h"
#include "zkq/testing/sim.h"

namespace zkq::runtime {
namespace {

struct World {
  testing::SimScheduler scheduler{1};
  std::shared_ptr<Executor> executor = std::make_shared<testing::SimExecutor>(&scheduler);
  CallTable calls{1 << 20};
  Strand strand{executor};
  Callbacks callbacks{&calls, &strand, executor.get()};
  std::string log;

  Completions Says(std::string word, bool waits = false) {
    Completions one;
    one.push_back(
        {.caller = {.done = [this, word](absl::StatusOr<Reply>) { log += word; }, .waits = waits},
         .result = Reply{}});
    return one;
  }
  void Add(Completions completions) {
    callbacks.Add([&](Completions* out) { *out = std::move(completions); });
  }
  void Run() { scheduler.RunFor(absl::Seconds(1)); }
};

TEST_CASE("callbacks run on their strand in order, after a flush") {
  World world;
  world.Add(world.Says("a"));
  world.Add(world.Says("b"));
  world.Run();
  REQUIRE(world.log == "");
  world.callbacks.Flush();
  REQUIRE(world.log == "");
  world.Run();
  REQUIRE(world.log == "ab");
}

TEST_CASE("who waits in a blocking form is not kept waiting for the strand") {
  World world;
  world.Add(world.Says("callback"));
  world.Add(world.Says("waits", true));
  REQUIRE(world.log == "waits");
}

TEST_CASE("closing runs what is queued, each once") {
  World world;
  world.Add(world.Says("a"));
  world.callbacks.Flush();
  world.Add(world.Says("b"));
  world.callbacks.Close();
  REQUIRE(world.log == "ab");
  world.Run();
  REQUIRE(world.log == "ab");
}

TEST_CASE("a callback added after the end is still called") {
  World world;
  world.callbacks.Close();
  world.Add(world.Says("late"));
  REQUIRE(world.log == "late");
}

TEST_CASE("a call's bytes are free when its callback runs") {
  World world;
  Caller caller{.done = [&](absl::StatusOr<Reply>) {
    world.log += world.calls.outstanding_bytes() == 0 ? "free" : "held";
  }};
  const auto added = world.calls.Add(CallTable::Kind::kWrite, "x", absl::Seconds(1), &caller);
  world.callbacks.Add([&](Completions* out) { world.calls.Finish(added.tag, Reply{}, out); });
  REQUIRE(world.calls.outstanding_bytes() > 0);
  world.callbacks.Flush();
  world.Run();
  REQUIRE(world.log == "free");
}

}  // namespace
}  // namespace zkq::runtime
