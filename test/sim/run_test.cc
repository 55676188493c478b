// That runs are what they claim to be: repeatable, judged, and cut to what matters.
#include "test/sim/run.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "test/harness/catch.h"
#include "test/sim/coverage.h"
#include "test/sim/edits.h"

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

TEST_CASE("a seed that has found something once finds nothing more") {
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
    if (int seconds = 0; words >> seconds) options.length = absl::Seconds(seconds);
    INFO(line);
    const RunResult result = Run(options);
    REQUIRE((result.violation ? result.violation->property : "") == "");
    REQUIRE_FALSE(result.undecided);
    ++runs;
  }
  REQUIRE(runs > 10);
}

TEST_CASE("the queue machine's history is judged as a queue's") {
  RunOptions options = Options(3, Profile::kEverything);
  options.state_machine = "queue";
  const RunResult result = Run(options);
  REQUIRE_FALSE(result.violation);
  REQUIRE_FALSE(result.undecided);
  REQUIRE(result.calls > 20);
}

TEST_CASE("coverage: what changes of the configuration ask for, and are told") {
  Membership before;
  for (const int id : {1, 2, 3}) {
    before.members.push_back({.id = ServerId(id), .disk = {1, static_cast<uint64_t>(id)}});
  }
  before.members.push_back({.id = ServerId{4}, .type = MemberType::kObserver});
  const auto edits = [&](const std::function<void(Membership*)>& edit) {
    Membership asked = before;
    edit(&asked);
    return EditsOf(before, asked);
  };
  const auto member = [](Membership* of, int id) { return FindMember(of, ServerId(id)); };
  using Edits = std::set<Coverage::Edit>;
  CHECK(edits([](Membership*) {}) == Edits{Coverage::kNothing});
  CHECK(edits([&](Membership* m) { member(m, 3)->disk = kPresentDisk; }) ==
        Edits{Coverage::kPresent});
  CHECK(edits([&](Membership* m) { member(m, 3)->disk = {9, 9}; }) == Edits{Coverage::kName});
  CHECK(edits([&](Membership* m) { member(m, 3)->disk = {}; }) == Edits{Coverage::kNothing});
  CHECK(edits([&](Membership* m) { member(m, 4)->type = MemberType::kParticipant; }) ==
        Edits{Coverage::kPromote});
  CHECK(edits([&](Membership* m) { member(m, 2)->priority = 2; }) == Edits{Coverage::kPrefer});
  CHECK(edits([&](Membership* m) { *m = With(Without(*m, ServerId{1}), {.id = ServerId{5}}); }) ==
        Edits{Coverage::kAddVoter, Coverage::kRemoveVoter, Coverage::kSeveral});
  const RunResult result = Run(Options(7, Profile::kMembership));
  uint64_t made = 0;
  for (const auto& answers : result.coverage.changes) made += answers[0];
  REQUIRE(made > 0);
  REQUIRE(Holes({}).find("no change was made that asks for: prefer\n") != std::string::npos);
}

std::vector<std::string> StrikesIn(const std::vector<std::string>& trace) {
  std::vector<std::string> strikes;
  for (const std::string& line : trace) {
    const size_t at = line.find("the nemesis: ");
    if (at != std::string::npos) strikes.push_back(line.substr(at));
  }
  return strikes;
}

TEST_CASE("leaving out a strike leaves the run before it and the other strikes as they were") {
  RunOptions options = Options(5, Profile::kNetwork);
  auto plan = testing::PlanStrikes(options.profile, options.seed, options.length);
  options.strikes.emplace();
  for (size_t i = 0; i < plan.size(); ++i) {  // those that lie in wait may find other prey
    if (plan[i].moment.kind == testing::Moment::Kind::kAny) options.strikes->push_back(i);
  }
  REQUIRE(options.strikes->size() > 3);
  const RunResult all = Run(options);
  const size_t left_out = 1;
  options.strikes->erase(options.strikes->begin() + left_out);
  const RunResult others = Run(options);
  REQUIRE_FALSE((all.violation || others.violation));
  const auto [with, without] =
      std::mismatch(all.trace.begin(), all.trace.end(), others.trace.begin(), others.trace.end());
  std::vector<std::string> strikes = StrikesIn(all.trace);
  REQUIRE(strikes.size() == options.strikes->size() + 1);
  REQUIRE(with != all.trace.end());
  REQUIRE(with->ends_with(strikes[left_out]));
  strikes.erase(strikes.begin() + left_out);
  REQUIRE(StrikesIn(others.trace) == strikes);
}

}  // namespace
}  // namespace zkq::sim
