// Which sets decide: as scripts, and by enumeration.
#include "lib/core/quorum.h"

#include <algorithm>
#include <string>

#include "test/core/text.h"
#include "test/harness/catch.h"
#include "test/harness/script.h"

namespace zkq::core {
namespace {

using testing::Command;
using testing::RunScript;

constexpr DiskId kOtherDisk{0, 1};

// "1'" is another disk than 1, in the same seat.
MemberId ToMemberId(std::string word) {
  const bool other = word.ends_with('\'');
  if (other) word.pop_back();
  return {ToServerId(word), other ? kOtherDisk : DiskId{}};
}

std::string Text(const MemberId& member) {
  return ToString(member.id) + (member.disk == kOtherDisk ? "'" : "");
}

// "1", "3o": an observer, "1w2": of weight 2, "1w2g3": in group 3.
Member ToMember(const std::string& word) {
  const size_t id_end = std::min(word.find_first_of("owg"), word.size());
  const MemberId id = ToMemberId(word.substr(0, id_end));
  Member member{.id = id.id, .disk = id.disk};
  for (size_t begin = id_end; begin < word.size();) {
    const size_t end = std::min(word.find_first_of("owg", begin + 1), word.size());
    const std::string number = word.substr(begin + 1, end - begin - 1);
    if (word[begin] == 'o') member.type = MemberType::kObserver;
    if (word[begin] == 'w') member.weight = static_cast<uint32_t>(ToNumber(number));
    if (word[begin] == 'g') member.group = static_cast<uint32_t>(ToNumber(number));
    begin = end;
  }
  return member;
}

Membership ToMembership(Words* words) {
  Membership membership;
  while (!words->empty() && !words->Take("/")) {
    membership.members.push_back(ToMember(words->Next()));
  }
  return membership;
}

// config 1 2 3o [/ 2 3 4]    the committed configuration, and the pending one
// contains 1 2               is this set a quorum?
// may-lead 1                 may this server be elected?
// held 4:7 4:5 _ [9=5:1]     what each voter holds, in the order of their ids;
//                            others by name
class QuorumScript {
 public:
  std::string Run(const Command& command) {
    Words words(command.args);
    if (command.name == "config") return Configure(&words);
    if (command.name == "contains") return Contains(&words);
    if (command.name == "may-lead") return MayLead(&words);
    if (command.name == "held") return Held(&words);
    return "no such command";
  }

 private:
  std::string Configure(Words* words) {
    Configs configs{.committed = ToMembership(words)};
    if (!words->empty()) configs.pending = ToMembership(words);
    quorum_ = Quorum(configs);
    std::string voters = "voters";
    for (const MemberId& voter : quorum_.Voters()) voters += " " + Text(voter);
    return voters;
  }

  std::string Contains(Words* words) {
    std::set<MemberId> servers;
    while (!words->empty()) servers.insert(ToMemberId(words->Next()));
    return quorum_.Contains(servers) ? "yes" : "no";
  }

  std::string MayLead(Words* words) {
    return quorum_.MayLead(ToServerId(words->Next())) ? "yes" : "no";
  }

  std::string Held(Words* words) {
    std::map<MemberId, Zxid> held;
    for (uint64_t other = 1; other < 10; ++other) {
      const std::string zxid = words->Setting(std::to_string(other));
      if (!zxid.empty()) held[{ServerId{other}, {}}] = ToZxid(zxid);
    }
    for (const MemberId& voter : quorum_.Voters()) {
      if (!words->Take("_")) held[voter] = ToZxid(words->Next());
    }
    return ToString(quorum_.Reached(held));
  }

  Quorum quorum_{Configs{.committed = VotersUpTo(3)}};
};

std::string Run(const char* script) {
  QuorumScript interpreter;
  return RunScript(script, [&](const Command& command) { return interpreter.Run(command); });
}

TEST_CASE("a quorum is more than half of the voters") {
  REQUIRE(Run("testdata/quorum/contains.txt") == "");
}
TEST_CASE("weights and groups make a quorum, and the disk is who sits in a seat") {
  REQUIRE(Run("testdata/quorum/weights.txt") == "");
}
TEST_CASE("a quorum holds what its shortest member holds") {
  REQUIRE(Run("testdata/quorum/held.txt") == "");
}

// --- by enumeration (PROTOCOL Q5) ---------------------------------------------

using Mask = uint32_t;  // bit i: server i + 1

std::set<MemberId> Servers(Mask mask) {
  std::set<MemberId> servers;
  for (uint64_t i = 0; i < 32; ++i) {
    if (mask >> i & 1) servers.insert({ServerId{i + 1}, {}});
  }
  return servers;
}

Membership Voters(Mask mask) {
  Membership membership;
  for (const auto& [sid, none] : Servers(mask)) membership.members.push_back({.id = sid});
  return membership;
}

std::vector<Mask> QuorumsOf(const Quorum& quorum, int servers) {
  std::vector<Mask> found;
  for (Mask mask = 0; mask < Mask{1} << servers; ++mask) {
    if (quorum.Contains(Servers(mask))) found.push_back(mask);
  }
  return found;
}

// How many pairs, one of each, have no server of `within` in common.
int Disjoint(const std::vector<Mask>& as, const std::vector<Mask>& bs, Mask within) {
  int disjoint = 0;
  for (Mask a : as) {
    for (Mask b : bs) disjoint += (a & b & within) == 0;
  }
  return disjoint;
}

TEST_CASE("any two quorums of one configuration intersect") {
  for (int n = 1; n <= 9; ++n) {
    const Mask all = (Mask{1} << n) - 1;
    const auto quorums = QuorumsOf(Quorum({.committed = Voters(all)}), n);
    REQUIRE_FALSE(quorums.empty());
    REQUIRE(Disjoint(quorums, quorums, all) == 0);
  }
}

// Also with each half on its own: no configuration can be left behind.
TEST_CASE("a joint quorum intersects every quorum of both its configurations") {
  constexpr int kServers = 5;
  for (Mask before = 1; before < 1 << kServers; ++before) {
    for (Mask after = 1; after < 1 << kServers; after += 3) {
      const Quorum joint({.committed = Voters(before), .pending = Voters(after)});
      const auto joints = QuorumsOf(joint, kServers);
      REQUIRE_FALSE(joints.empty());
      REQUIRE(Disjoint(joints, QuorumsOf(Quorum({.committed = Voters(before)}), kServers),
                       before) == 0);
      REQUIRE(Disjoint(joints, QuorumsOf(Quorum({.committed = Voters(after)}), kServers), after) ==
              0);
    }
  }
}

TEST_CASE("the held zxid is the newest whose holders are a quorum") {
  const Quorum quorum({.committed = Voters(0b0111), .pending = Voters(0b1110)});
  const std::vector<Zxid> zxids = {{1, 9}, {2, 1}, {2, 2}, {3, 1}};
  for (uint32_t code = 0; code < 5 * 5 * 5 * 5; ++code) {
    std::map<MemberId, Zxid> held;
    for (uint64_t i = 0, rest = code; i < 4; ++i, rest /= 5) {
      if (rest % 5 < zxids.size()) held[{ServerId{i + 1}, {}}] = zxids[rest % 5];
    }
    Zxid expected;
    for (Zxid zxid : zxids) {
      std::set<MemberId> holders;
      for (const auto& [sid, newest] : held) {
        if (newest >= zxid) holders.insert(sid);
      }
      if (quorum.Contains(holders)) expected = zxid;
    }
    REQUIRE(quorum.Reached(held) == expected);
  }
}

}  // namespace
}  // namespace zkq::core
