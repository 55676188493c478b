// That runs are what they claim to be: repeatable, judged, and cut to what matters.
#include "test/sim/run.h"

#include <fstream>
#include <sstream>

#include "test/harness/catch.h"

namespace zkq::sim {
namespace {

RunOptions Options(uint64_t seed, Profile profile) {
  return {.seed = seed, .profile = profile, .length = absl::Seconds(20), .trace_lines = 1'000'000};
}

TEST_CASE("the same seed gives the same run, to the byte, under every profile") {
  for (int i = 0; i < static_cast<int>(Profile::kMax); ++i) {
    const RunOptions options = Options(i + 1, static_cast<Profile>(i));
    const RunResult one = Run(options), other = Run(options);
    REQUIRE(one.trace_hash == other.trace_hash);
    REQUIRE(one.trace == other.trace);
    REQUIRE(one.steps == other.steps);
    REQUIRE(one.trace_hash != Run(Options(i + 2, options.profile)).trace_hash);
  }
}

TEST_CASE("what has found something once finds nothing more") {
  std::ifstream list(ZKQ_TEST_DATA_DIR "/seeds.txt");
  int runs = 0;
  for (std::string line; std::getline(list, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    RunOptions options;
    std::string profile;
    if (!(words >> options.seed >> profile >> options.servers)) continue;
    for (int i = 0; i < static_cast<int>(Profile::kMax); ++i) {
      if (ToString(static_cast<Profile>(i)) == profile) options.profile = static_cast<Profile>(i);
    }
    REQUIRE(ToString(options.profile) == profile);
    INFO(line);
    const RunResult result = Run(options);
    REQUIRE((result.violation ? result.violation->property : "") == "");
    ++runs;
  }
  REQUIRE(runs > 10);
}

TEST_CASE("a queue is judged as one") {
  RunOptions options = Options(3, Profile::kEverything);
  options.state_machine = "queue";
  const RunResult result = Run(options);
  REQUIRE_FALSE(result.violation);
  REQUIRE(result.calls > 20);
}

TEST_CASE("leaving out a strike leaves the others as they were") {
  const auto all = testing::PlanStrikes(Profile::kEverything, 5, absl::Seconds(60));
  REQUIRE(all.size() > 10);
  const auto again = testing::PlanStrikes(Profile::kEverything, 5, absl::Seconds(60));
  for (size_t i = 0; i < all.size(); ++i) {
    REQUIRE(all[i].at == again[i].at);
    REQUIRE(all[i].dice == again[i].dice);
  }
  RunOptions options = Options(5, Profile::kEverything);
  options.strikes.emplace();
  REQUIRE_FALSE(Run(options).violation);
}

}  // namespace
}  // namespace zkq::sim
