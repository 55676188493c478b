#include "lib/runtime/inbox.h"

#include <string>
#include <vector>

#include "lib/runtime/alarm.h"
#include "test/harness/catch.h"
#include "zkq/testing/sim.h"

namespace zkq::runtime {
namespace {

using testing::SimExecutor;
using testing::SimScheduler;

// A part that writes down what each of its drains has taken.
struct Part {
  SimScheduler scheduler{1};
  std::shared_ptr<SimExecutor> executor = std::make_shared<SimExecutor>(&scheduler);
  Strand strand{executor};
  std::vector<std::string> drains;
  absl::Duration drained_at = absl::ZeroDuration();
  Inbox<std::string> inbox{&strand, [this] {
                             drains.push_back(inbox.Take());
                             drained_at = scheduler.now();
                           }};

  void Say(std::string word) {
    inbox.Change([word](std::string& said) { said += word; });
  }
  void Run() { scheduler.RunFor(absl::Seconds(10)); }
};

using Drains = std::vector<std::string>;

TEST_CASE("an inbox drains all that has come at once, and never inside Change") {
  Part part;
  part.Say("a");
  part.Say("b");
  REQUIRE(part.drains.empty());
  part.Run();
  REQUIRE(part.drains == Drains{"ab"});
  part.Say("c");
  part.Run();
  REQUIRE(part.drains == Drains{"ab", "c"});
}

TEST_CASE("a change that returns false waits for the next one that does not") {
  Part part;
  part.inbox.Change([](std::string& said) {
    said += "quiet";
    return false;
  });
  part.Run();
  REQUIRE(part.drains.empty());
  part.Say("!");
  part.Run();
  REQUIRE(part.drains == Drains{"quiet!"});
}

TEST_CASE("a closed inbox drops what waits and takes nothing") {
  Part part;
  part.Say("a");
  part.inbox.Close();
  part.Say("b");
  part.Run();
  REQUIRE(part.drains == Drains{""});
}

TEST_CASE("a task that is ahead of virtual time is heard when the time has passed, in order") {
  Part part;
  Strand other(part.executor);
  other.Post([&] {
    part.scheduler.Charge(absl::Seconds(2));
    part.Say("a");
    part.scheduler.Charge(absl::Seconds(1));
    part.Say("b");
  });
  part.Say("before");
  part.scheduler.RunFor(absl::Seconds(1));
  REQUIRE(part.drains == Drains{"before"});
  part.scheduler.RunFor(absl::Seconds(1));
  REQUIRE(part.drains == Drains{"before", "a"});
  part.scheduler.RunFor(absl::Seconds(1));
  REQUIRE(part.drains == Drains{"before", "a", "b"});
}

TEST_CASE("a task that is posted ahead of virtual time keeps back nothing that comes before it") {
  Part part;
  Strand other(part.executor);
  other.Post([&] {
    part.scheduler.Charge(absl::Seconds(2));
    part.strand.Post([&] { part.drains.push_back("posted"); });
  });
  part.scheduler.RunFor(absl::Seconds(1));
  part.Say("a");
  part.scheduler.RunFor(absl::Milliseconds(1));
  REQUIRE(part.drains == Drains{"a"});
  part.scheduler.RunFor(absl::Seconds(1));
  REQUIRE(part.drains == Drains{"a", "posted"});
}

TEST_CASE("a change that waits for virtual time keeps the strand's owner alive") {
  Part part;
  auto owner = std::make_shared<int>();
  const std::weak_ptr<int> witness = owner;
  part.strand.SetOwner(owner);
  part.strand.Post([&] {
    part.scheduler.Charge(absl::Seconds(1));
    part.Say("a");
  });
  owner.reset();
  part.scheduler.RunFor(absl::Milliseconds(1));
  REQUIRE(!witness.expired());
  part.Run();
  REQUIRE(witness.expired());
}

struct Bell {
  SimScheduler scheduler{1};
  std::shared_ptr<SimExecutor> executor = std::make_shared<SimExecutor>(&scheduler);
  Strand strand{executor};
  std::shared_ptr<int> owner = std::make_shared<int>();
  std::vector<absl::Duration> rung;
  Alarm alarm{executor.get(), &strand, [this] { rung.push_back(scheduler.now()); }};

  Bell() { strand.SetOwner(owner); }
  void Set(absl::Duration when) { alarm.Set(when, scheduler.now()); }
};

TEST_CASE("an alarm rings once, at the earliest time it was set to") {
  Bell bell;
  bell.Set(absl::Seconds(5));
  bell.Set(absl::Seconds(2));
  bell.Set(absl::Seconds(7));
  REQUIRE(bell.alarm.when() == absl::Seconds(2));
  bell.scheduler.RunFor(absl::Seconds(10));
  REQUIRE(bell.rung == std::vector{absl::Seconds(2)});
  REQUIRE(bell.alarm.when() == absl::InfiniteDuration());
  bell.Set(absl::Seconds(1));  // the past: as soon as may be
  bell.scheduler.RunFor(absl::Seconds(1));
  REQUIRE(bell.rung.size() == 2);
}

TEST_CASE("an alarm that was stopped, or whose owner is gone, does not ring") {
  Bell stopped, orphaned;
  stopped.Set(absl::Seconds(1));
  stopped.alarm.Stop();
  stopped.Set(absl::Seconds(1));
  stopped.scheduler.RunFor(absl::Seconds(5));
  REQUIRE(stopped.rung.empty());
  orphaned.Set(absl::Seconds(1));
  orphaned.owner.reset();
  orphaned.scheduler.RunFor(absl::Seconds(5));
  REQUIRE(orphaned.rung.empty());
}

}  // namespace
}  // namespace zkq::runtime
