// Founding with faults: a crash at any point of it, of any server, and what an ensemble
// makes of a wiped disk afterwards.
#include "test/core/ensemble.h"
#include "test/harness/catch.h"

namespace zkq::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Founds an ensemble in which `victim` crashes before its effect number `boundary`, and
// is back 20 ms later. Returns whether it got that far before everybody served.
bool FoundWithCrash(int servers, ServerId victim, int boundary, Ensemble::Kept kept) {
  Ensemble ensemble({.servers = servers, .seed = 7, .start = false});
  ensemble.set_tracing(true);
  int effects = 0;
  bool crashed = false;
  ensemble.crash_keeps = kept;
  ensemble.crash_before = [&](ServerId sid, const Effect&) {
    if (crashed || sid != victim) return false;
    crashed = effects++ == boundary;
    return crashed;
  };
  for (ServerId sid : ensemble.ids()) ensemble.Start(sid);
  ensemble.RunUntil([&] { return crashed || ensemble.AllServe(); }, seconds(10));
  ensemble.RunFor(milliseconds(20));
  ensemble.Start(victim);
  const bool served = ensemble.RunUntil([&] { return ensemble.AllServe(); }, seconds(30));
  INFO("server " << ToString(victim) << " crashed before its effect " << boundary);
  REQUIRE(ensemble.violation() == "");
  INFO(ensemble.Summary());
  REQUIRE(served);
  for (ServerId sid : ensemble.ids()) {
    REQUIRE(ensemble.DiskState(sid).ensemble == ensemble.DiskState(ServerId{1}).ensemble);
    REQUIRE_FALSE(ensemble.View(sid).role.amnesic);
  }
  return crashed;
}

void FoundWithEveryCrash(int servers) {
  for (const auto kept : {Ensemble::Kept::kNothing, Ensemble::Kept::kAll}) {
    for (uint64_t victim = 1; victim <= static_cast<uint64_t>(servers); ++victim) {
      int boundary = 0;
      while (FoundWithCrash(servers, ServerId{victim}, boundary, kept)) ++boundary;
      REQUIRE(boundary > 5);  // It did found, elect and promise in between.
    }
  }
}

TEST_CASE("an ensemble of one is founded over a crash at any step") { FoundWithEveryCrash(1); }
TEST_CASE("an ensemble of two is founded over a crash at any step") { FoundWithEveryCrash(2); }
TEST_CASE("an ensemble of three is founded over a crash at any step") { FoundWithEveryCrash(3); }

// All at once, in every phase: power is lost.
TEST_CASE("an ensemble is founded over a power loss at any moment") {
  for (int moment = 0; moment < 200; ++moment) {
    Ensemble ensemble({.servers = 3, .seed = 3});
    ensemble.RunFor(std::chrono::microseconds(500) * moment);
    for (ServerId sid : ensemble.ids()) ensemble.Crash(sid);
    for (ServerId sid : ensemble.ids()) ensemble.Start(sid);
    const bool served = ensemble.RunUntil([&] { return ensemble.AllServe(); }, seconds(30));
    INFO("after " << moment << " half milliseconds\n" << ensemble.Summary());
    REQUIRE(ensemble.violation() == "");
    REQUIRE(served);
  }
}

TEST_CASE("nothing is founded while a voter is missing") {
  Ensemble ensemble({.servers = 3, .start = false});
  ensemble.Start(ServerId{1});
  ensemble.Start(ServerId{3});
  ensemble.RunFor(seconds(30));
  REQUIRE(ensemble.DiskState(ServerId{1}).ensemble == EnsembleId{});
  REQUIRE(ensemble.DiskState(ServerId{3}).ensemble == EnsembleId{});
  ensemble.Start(ServerId{2});
  REQUIRE(ensemble.RunUntil([&] { return ensemble.AllServe(); }, seconds(10)));
}

TEST_CASE("a wiped server does not vote, and the others go on without it") {
  Ensemble ensemble({.servers = 3});
  REQUIRE(ensemble.RunUntil([&] { return ensemble.AllServe(); }, seconds(10)));
  const uint64_t before = ensemble.Propose(ServerId{1}, "before");
  REQUIRE(ensemble.RunUntil([&] { return ensemble.Outcome(before) == "applied"; }, seconds(5)));

  ensemble.Wipe(ServerId{2});
  ensemble.Start(ServerId{2});
  const auto two_serve = [&] {
    return ensemble.Serving(ServerId{1}) && ensemble.Serving(ServerId{3});
  };
  REQUIRE(ensemble.RunUntil([&] { return two_serve() && ensemble.View(ServerId{2}).role.amnesic; },
                            seconds(10)));
  const uint64_t after = ensemble.Propose(ServerId{3}, "after");
  REQUIRE(ensemble.RunUntil([&] { return ensemble.Outcome(after) == "applied"; }, seconds(5)));
  ensemble.RunFor(seconds(10));
  for (uint64_t sid : {1, 2, 3}) {
    REQUIRE(ensemble.Applied(ServerId{sid}) == std::vector<std::string>{"before", "after"});
  }

  // It is no quorum with one of them, however long that takes.
  ensemble.Crash(ServerId{3});
  ensemble.RunFor(seconds(20));
  REQUIRE(ensemble.Leader() == kNoServer);
  ensemble.Start(ServerId{3});
  REQUIRE(ensemble.RunUntil(two_serve, seconds(10)));
  REQUIRE(ensemble.violation() == "");
}

// Two wiped servers see each other and a founded one: they must not begin anew.
TEST_CASE("wiped servers do not found a second ensemble beside a founded one") {
  Ensemble ensemble({.servers = 3});
  REQUIRE(ensemble.RunUntil([&] { return ensemble.AllServe(); }, seconds(10)));
  ensemble.Wipe(ServerId{1});
  ensemble.Wipe(ServerId{2});
  ensemble.Start(ServerId{1});
  ensemble.Start(ServerId{2});
  ensemble.RunFor(seconds(20));
  REQUIRE(ensemble.View(ServerId{1}).role.amnesic);
  REQUIRE(ensemble.View(ServerId{2}).role.amnesic);
  REQUIRE(ensemble.Leader() == kNoServer);
  REQUIRE(ensemble.violation() == "");
}

}  // namespace
}  // namespace zkq::core
