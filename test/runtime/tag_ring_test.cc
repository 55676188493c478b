#include "lib/runtime/tag_ring.h"

#include <map>
#include <set>

#include "lib/runtime/deadlines.h"
#include "test/harness/catch.h"
#include "zkq/testing/sim.h"

namespace zkq::runtime {
namespace {

TEST_CASE("a value is found by its tag until it is taken") {
  TagRing<int> ring;
  REQUIRE(ring.Find(0) == nullptr);
  REQUIRE(ring.Find(1) == nullptr);
  REQUIRE(ring.Add(10) == 1);
  REQUIRE(ring.Add(20) == 2);
  REQUIRE(*ring.Find(1) == 10);
  REQUIRE(ring.Take(1) == 10);
  REQUIRE(ring.Find(1) == nullptr);
  REQUIRE(ring.Tags() == std::vector<uint64_t>{2});
  REQUIRE(ring.Next(1) == 2);
  REQUIRE(ring.Next(3) == 0);
  REQUIRE(ring.last_tag() == 2);
}

TEST_CASE("a ring of tags holds what a map would, whatever is added and taken") {
  testing::SimRandom random(GENERATE(range(1, 6)));
  TagRing<uint64_t> ring;
  std::map<uint64_t, uint64_t> model;
  for (int step = 0; step < 20'000; ++step) {
    // Phases of growing and of shrinking; the oldest is taken seldom.
    const bool grow = random.Below(10) < (step / 2000 % 2 == 0 ? 7U : 3U);
    if (grow || model.size() < 2) {
      const uint64_t value = random.Next();
      model[ring.Add(value)] = value;
    } else {
      auto at = model.begin();
      std::advance(at, 1 + random.Below(model.size() - 1));
      REQUIRE(ring.Take(at->first) == at->second);
      model.erase(at);
    }
    REQUIRE(ring.size() == model.size());
    const uint64_t tag = random.Below(ring.last_tag() + 2);
    REQUIRE((ring.Find(tag) != nullptr) == model.contains(tag));
    const auto next = model.lower_bound(tag);
    REQUIRE(ring.Next(tag) == (next == model.end() ? 0 : next->first));
  }
  std::vector<uint64_t> tags;
  for (const auto& [tag, value] : model) tags.push_back(tag);
  REQUIRE(ring.Tags() == tags);
  REQUIRE(ring.Tags(tags.front()) == std::vector{tags.front()});
}

TEST_CASE("a value that stays for ever does not keep places for all tags after it") {
  TagRing<int> ring;
  const uint64_t oldest = ring.Add(7);
  for (int i = 0; i < 100'000; ++i) ring.Take(ring.Add(i));
  REQUIRE(*ring.Find(oldest) == 7);
  REQUIRE(ring.capacity() == 64);
}

TEST_CASE("deadlines are taken when they are due, the earliest first") {
  testing::SimRandom random(3);
  Deadlines deadlines;
  std::multimap<absl::Duration, uint64_t> model;
  for (uint64_t tag = 1; tag <= 500; ++tag) {
    // Mostly in order, now and then an early or a late one.
    const uint64_t when = random.Below(5) == 0 ? random.Below(2000) : 1000 + tag;
    deadlines.Add(absl::Seconds(when), tag, tag, [](uint64_t) { return true; });
    model.emplace(absl::Seconds(when), tag);
  }
  for (int now = 0; now <= 2000; ++now) {
    std::set<uint64_t> due, taken;
    while (!model.empty() && model.begin()->first <= absl::Seconds(now)) {
      due.insert(model.extract(model.begin()).mapped());
    }
    while (const uint64_t tag = deadlines.TakeDue(absl::Seconds(now))) taken.insert(tag);
    REQUIRE(taken == due);
  }
  REQUIRE(deadlines.size() == 0);
}

TEST_CASE("deadlines of calls that have ended are not waited for, and are swept") {
  Deadlines deadlines;
  const auto only_first = [](uint64_t tag) { return tag == 1; };
  deadlines.Add(absl::Seconds(9), 1, 1, only_first);
  for (uint64_t tag = 2; tag <= 10'000; ++tag) {
    deadlines.Add(absl::Seconds(tag % 2 == 0 ? 5 : 10), tag, 2, only_first);
    REQUIRE(deadlines.size() <= 1025);
  }
  REQUIRE(deadlines.Next(only_first) == absl::Seconds(9));
  deadlines.Add(absl::InfiniteDuration(), 10'001, 2, only_first);
  REQUIRE(deadlines.Next([](uint64_t) { return false; }) == absl::InfiniteDuration());
}

}  // namespace
}  // namespace zkq::runtime
