// What a leader says to a change of the configuration, as scripts.
#include "lib/core/change.h"

#include <algorithm>

#include "test/core/text.h"
#include "test/harness/catch.h"
#include "test/harness/script.h"

namespace zkq::core {
namespace {

// "2,4:9": the disk of server 2 is 2, that of server 4 is 9.
std::vector<MemberId> ToMemberIds(std::string list) {
  std::replace(list.begin(), list.end(), ',', '+');
  std::vector<MemberId> members;
  for (const Member& member : ToMembers(list)) members.push_back({member.id, member.disk});
  return members;
}

std::string Named(const MemberId& member) {
  const std::string disk = member.disk == DiskId{0, ToInt(member.id)} ? "" : ":";
  return ToString(member.id) + disk + (disk.empty() ? "" : std::to_string(member.disk.low));
}

std::string Named(const Membership& membership) {
  std::string text;
  for (const Member& member : membership.members) {
    std::string what = ToString(member);
    if (member.type == MemberType::kParticipant) {
      what.replace(0, what.find('='), Named(MemberId{member.id, member.disk}));
    }
    text += " " + what;
  }
  return text;
}

// judge 1+2+4 of 5:1=1+2+3 [made-from=5:1] [follow=2,4] [lag=5:9] [observe=6] [link=7]
//
// Server 1 leads with the configuration after "of", and is asked for the other, made from the same
// version unless said otherwise. Who follows has caught up; who lags follows, 7 transactions
// behind; who observes learns as that; who is linked does not learn. All of them on their own disks
// unless said otherwise.
Scene ToScene(Words* words, Membership* asked) {
  Scene scene{.self = {ServerId{1}, {0, 1}}};
  const auto each = [&](const char* key, std::optional<Scene::Learner> learner) {
    for (const MemberId& member : ToMemberIds(words->Setting(key))) {
      scene.linked[member.id] = member.disk;
      if (learner) scene.learners[member] = *learner;
    }
  };
  each("follow", Scene::Learner{.follows = true, .caught_up = true});
  each("lag", Scene::Learner{.follows = true, .behind = 7, .bytes_behind = 2048});
  each("observe", Scene::Learner{});
  each("link", std::nullopt);
  const std::string made_from = words->Setting("made-from");
  asked->members = ToAsked(words->Next());
  scene.committed = ToMembership(words->After("of"));
  asked->version = made_from.empty() ? scene.committed.version : ToZxid(made_from);
  if (words->Take("without-addresses")) {
    for (Member& member : asked->members) member.address = "";
    for (Member& member : scene.committed.members) member.address = "";
  }
  return scene;
}

std::string Text(const Verdict& verdict) {
  std::string to_follow;
  for (const MemberId& member : verdict.to_follow) to_follow += " " + Named(member);
  if (!to_follow.empty()) to_follow = "\nto follow:" + to_follow;
  std::string servers;
  for (ServerId sid : verdict.servers) servers += " " + ToString(sid);
  if (!servers.empty()) servers = "\nservers:" + servers;
  switch (verdict.kind) {
    case Verdict::Kind::kRefuse:
      return std::string(ToString(verdict.reason)) + ": " + verdict.text + servers;
    case Verdict::Kind::kNothing:
      return "nothing to change";
    case Verdict::Kind::kWait:
      return "waits: " + verdict.text + servers + to_follow;
    case Verdict::Kind::kPropose:
      return "proposes" + Named(verdict.next);
  }
  return "?";
}

std::string Run(const char* script) {
  return testing::RunScript(script, [](const testing::Command& command) {
    Words words(command.args);
    Membership asked;
    const Scene scene = ToScene(&words, &asked);
    if (command.name != "judge" || !words.empty()) {
      throw std::invalid_argument("not understood: " + command.name + " " + words.Rest());
    }
    return Text(Judge(asked, scene));
  });
}

TEST_CASE("a change is judged by rules, in their order") {
  REQUIRE(Run("testdata/change/rules.txt") == "");
}
TEST_CASE("who is to vote is waited for, on the disk that it has") {
  REQUIRE(Run("testdata/change/disks.txt") == "");
}
TEST_CASE("a quorum of the next configuration is up before it is proposed") {
  REQUIRE(Run("testdata/change/quorum.txt") == "");
}

}  // namespace
}  // namespace zkq::core
