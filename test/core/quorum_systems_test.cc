// Every quorum system, by enumeration (PROTOCOL §2 Q1 to Q6). A set of voters is a mask: bit i
// is server i + 1. What decides is asked of each set once; the rest is arithmetic on masks.
#include <array>
#include <bit>
#include <bitset>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "lib/core/quorum.h"
#include "test/harness/catch.h"

namespace zkq::core {
namespace {

using Mask = uint32_t;
constexpr int kServersMax = 9;
constexpr Mask kMasks = 1 << kServersMax;

MemberId IdOf(int i) { return {ServerId(i + 1), {7, static_cast<uint64_t>(i)}}; }

const std::vector<std::set<MemberId>>& Sets() {
  static const std::vector<std::set<MemberId>> sets = [] {
    std::vector<std::set<MemberId>> all(kMasks);
    for (Mask mask = 0; mask < kMasks; ++mask) {
      for (int i = 0; i < kServersMax; ++i) {
        if (mask >> i & 1) all[mask].insert(IdOf(i));
      }
    }
    return all;
  }();
  return sets;
}

struct System {
  Membership membership = {};
  Mask voters = 0;
  Mask without_weight = 0;
  std::vector<Mask> groups = {};  // the voters of each that has any weight
  bool odd = false;               // the weight of each group, and how many there are
  std::bitset<kMasks> quorums = {};
};

void AddVoter(int i, uint32_t weight, uint32_t group, System* system) {
  const MemberId id = IdOf(i);
  system->membership.members.push_back(
      {.id = id.id, .weight = weight, .group = group, .disk = id.disk});
  system->voters |= Mask{1} << i;
  if (weight == 0) system->without_weight |= Mask{1} << i;
}

// Once all voters are in.
void Ask(System* system) {
  std::map<uint32_t, Mask> groups;
  std::map<uint32_t, uint64_t> weights;
  for (const Member& member : system->membership.members) {
    if (member.weight > 0) groups[member.group] |= Mask{1} << (ToInt(member.id) - 1);
    weights[member.group] += member.weight;
  }
  system->odd = groups.size() % 2 == 1;
  for (const auto& [group, mask] : groups) {
    system->groups.push_back(mask);
    system->odd = system->odd && weights[group] % 2 == 1;
  }
  const Quorum quorum({.committed = system->membership});
  // Each subset of the voters, from all of them down to none.
  for (Mask mask = system->voters;; mask = (mask - 1) & system->voters) {
    system->quorums[mask] = quorum.Contains(Sets()[mask]);
    if (mask == 0) break;
  }
}

int GroupsIn(const System& system, Mask mask) {
  int groups = 0;
  for (const Mask group : system.groups) groups += (group & mask) != 0;
  return groups;
}

// What is wrong with `mask`; empty: nothing. Who is added to a quorum does no harm, so two
// quorums without a common voter would also be a set and all others.
std::string WrongWith(const System& system, Mask mask) {
  const bool is_quorum = system.quorums[mask];
  const Mask others = system.voters & ~mask;
  if (is_quorum && system.quorums[others]) return "so are the others: two of them do not intersect";
  if (system.odd && !is_quorum && !system.quorums[others]) return "neither it nor the others are";
  if (is_quorum != system.quorums[mask & ~system.without_weight]) return "weight 0 decides";
  if (is_quorum && 2 * GroupsIn(system, mask) <= static_cast<int>(system.groups.size())) {
    return "a minority of the groups decides";
  }
  for (Mask rest = others; is_quorum && rest != 0; rest &= rest - 1) {
    if (!system.quorums[mask | (rest & -rest)]) return "one voter more, and it is none";
  }
  return {};
}

std::string Text(const System& system, Mask mask) {
  return ToString(system.membership) + " and the set " + std::bitset<kServersMax>(mask).to_string();
}

// Of each set of the voters; and a quorum there is, unless nobody has any weight.
std::string WhatIsWrong(const System& system) {
  const bool any_weight = system.without_weight != system.voters;
  if (system.quorums[system.voters] != any_weight) return Text(system, system.voters) + ": all";
  for (Mask mask = system.voters;; mask = (mask - 1) & system.voters) {
    const std::string wrong = WrongWith(system, mask);
    if (!wrong.empty()) return Text(system, mask) + ": " + wrong;
    if (mask == 0) return {};
  }
}

// The public IsQuorum goes by seats, the core by members: of the listed disks they say the same.
std::string WhatIsQuorumSaysElse(const System& system) {
  for (Mask mask = system.voters;; mask = (mask - 1) & system.voters) {
    std::vector<ServerId> servers;
    for (const MemberId& member : Sets()[mask]) servers.push_back(member.id);
    if (IsQuorum(system.membership, servers) != system.quorums[mask]) return Text(system, mask);
    if (mask == 0) return {};
  }
}

// Calls `check` for each system of `voters` voters that `system`, which has those before `i`, can
// become. Servers that differ in their names alone can change places: those of a group stand side
// by side, in the order of their weights.
void ForEach(const System& system, int i, int voters, const std::function<void(System)>& check) {
  if (i == voters) return check(system);
  const std::vector<Member>& members = system.membership.members;
  const uint32_t group = members.empty() ? 0 : members.back().group;
  for (const uint32_t next : {group, group + 1}) {
    if (next == 0) continue;
    const uint32_t lightest = next == group ? members.back().weight : 0;
    for (uint32_t weight = lightest; weight <= 2; ++weight) {
      System longer = system;
      AddVoter(i, weight, next, &longer);
      ForEach(longer, i + 1, voters, check);
    }
  }
}

TEST_CASE("any two quorums of up to six voters intersect, by all weights up to 2 and groups") {
  int systems = 0;
  for (int voters = 1; voters <= 6; ++voters) {
    ForEach({}, 0, voters, [&systems](System system) {
      Ask(&system);
      ++systems;
      const std::string wrong = WhatIsWrong(system), else_said = WhatIsQuorumSaysElse(system);
      CHECK(wrong == "");
      CHECK(else_said == "");
    });
  }
  CHECK(systems == 3 + 15 + 73 + 354 + 1'716 + 8'318);  // of one voter, of two, ...
}

// Of 7 to 9 voters among nine servers, in one to five groups; the weights are small, or large.
System Random(std::mt19937_64* random) {
  const auto below = [random](uint64_t bound) {
    return static_cast<uint32_t>((*random)() % bound);
  };
  System system;
  const uint32_t groups = below(5), weight_max = below(2) == 0 ? 4 : ~uint32_t{0};
  std::array<bool, kServersMax> left_out = {};
  for (uint32_t n = below(3); n > 0; --n) left_out[below(kServersMax)] = true;
  for (int i = 0; i < kServersMax; ++i) {
    if (left_out[i]) continue;
    AddVoter(i, below(weight_max), groups == 0 ? 0 : 1 + below(groups + 1), &system);
  }
  Ask(&system);
  return system;
}

TEST_CASE("any two quorums of 7 to 9 voters intersect, in 10,000 systems") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const std::string wrong = WhatIsWrong(Random(&random));
    REQUIRE(wrong == "");
  }
}

// Whether `mask` and all it can be joined with outside of `system` leave no quorum of it.
bool Intersects(const System& system, Mask mask) { return !system.quorums[system.voters & ~mask]; }

TEST_CASE("a joint quorum intersects every quorum of both its configurations") {
  std::mt19937_64 random(2);
  for (int i = 0; i < 500; ++i) {
    const System before = Random(&random), after = Random(&random);
    const Quorum joint({.committed = before.membership, .pending = after.membership});
    int quorums = 0;
    for (Mask mask = 0; mask < kMasks; ++mask) {
      const bool of_both =
          before.quorums[mask & before.voters] && after.quorums[mask & after.voters];
      REQUIRE(joint.Contains(Sets()[mask]) == of_both);
      if (!of_both) continue;
      ++quorums;
      REQUIRE(Intersects(before, mask));
      REQUIRE(Intersects(after, mask));
    }
    REQUIRE(quorums > 0);
  }
}

}  // namespace
}  // namespace zkq::core
