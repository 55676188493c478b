#include "lib/base/member_lists.h"

#include <functional>
#include <string>
#include <vector>

#include "test/harness/catch.h"

namespace zkq {
namespace {

std::vector<Member> At(const std::vector<std::string>& addresses) {
  std::vector<Member> members;
  for (const std::string& address : addresses) {
    members.push_back({.id = ServerId{members.size() + 1}, .address = address});
  }
  return members;
}

std::string Differ(const std::vector<Member>& here, const std::vector<Member>& there) {
  return WhatDiffers(here, "here", there, "there");
}

TEST_CASE("two lists differ in nothing but what they list") {
  std::vector<Member> other = At({"a:1", "b:1"});
  other[0].disk = {1, 2};
  CHECK(Differ(At({"a:1", "b:1"}), {other[1], other[0]}) == "");
}

TEST_CASE("a server that is spelled in two ways is named with both") {
  CHECK(Differ(At({"localhost:1", "b:1"}), At({"127.0.0.1:1", "b:1"})) ==
        "1=localhost:1 here, 1=127.0.0.1:1 there");
  std::vector<Member> observer = At({"a:1"});
  observer[0].type = MemberType::kObserver;
  CHECK(Differ(At({"a:1"}), observer) == "1=a:1 here, 1=a:1:observer there");
}

TEST_CASE("a server that one list lacks is named, and no more than three are") {
  CHECK(Differ(At({"a:1", "b:1"}), At({"a:1"})) == "2=b:1 here alone");
  CHECK(Differ(At({"a:1"}), At({"A:1", "b:1", "c:1", "d:1", "e:1"})) ==
        "1=a:1 here, 1=A:1 there; 2=b:1 there alone; 3=c:1 there alone; 2 more");
}

// a:1 to e:1, changed.
std::string Wrong(const std::function<void(std::vector<Member>*)>& spoil) {
  std::vector<Member> members = At({"a:1", "b:1", "c:1", "d:1", "e:1"});
  spoil(&members);
  return WhatIsWrong(members);
}

void MakeObservers(std::vector<Member>* members) {
  for (Member& member : *members) member.type = MemberType::kObserver;
}

TEST_CASE("a configuration is one whatever its quorum system") {
  CHECK(Wrong([](auto*) {}) == "");
  CHECK(Wrong([](auto* m) { m->resize(1); }) == "");
  CHECK(Wrong([](auto* m) { (*m)[0].id = kServerIdMax; }) == "");
  CHECK(Wrong([](auto* m) { (*m)[0].type = MemberType::kObserver; }) == "");
  CHECK(Wrong([](auto* m) { (*m)[0].weight = 0, (*m)[1].weight = ~0u; }) == "");
  CHECK(Wrong([](auto* m) {
          for (Member& member : *m) member.group = 1 + member.weight++ % 2;
        }) == "");
  // An observer's group is read as little as its weight.
  CHECK(Wrong([](auto* m) { (*m)[0].type = MemberType::kObserver, (*m)[0].group = 7; }) == "");
  CHECK(Wrong([](auto* m) { (*m)[0].disk = kPresentDisk; }) == "");
}

TEST_CASE("an id that cannot be listed, or is twice, is named") {
  CHECK(Wrong([](auto* m) { (*m)[1].id = kNoServer; }) == "id 0 is not from 1 to 2^62-1");
  CHECK(Wrong([](auto* m) { (*m)[1].id = ServerId{ToInt(kServerIdMax) + 1}; }) ==
        "id 4611686018427387904 is not from 1 to 2^62-1");
  CHECK(Wrong([](auto* m) { (*m)[4].id = ServerId{2}; }) == "server 2 is listed twice");
  CHECK(Wrong([](auto* m) { (*m)[4] = (*m)[1]; }) == "server 2 is listed twice");
}

TEST_CASE("a configuration has voters, with weight, and no more than can be counted") {
  CHECK(WhatIsWrong({}) == "there is no participant");
  CHECK(Wrong(MakeObservers) == "there is no participant");
  CHECK(Wrong([](auto* m) {
          for (Member& member : *m) member.weight = 0;
        }) == "no participant has a weight above 0");
  CHECK(Wrong([](auto* m) {  // an observer's weight is none
          for (Member& member : *m) member.weight = 0;
          (*m)[2] = {.id = ServerId{3}, .address = "c:1", .type = MemberType::kObserver};
        }) == "no participant has a weight above 0");
  std::vector<std::string> addresses;
  for (int i = 0; i < 64; ++i) addresses.push_back("h:" + std::to_string(i + 1));
  CHECK(WhatIsWrong(At(addresses)) == "");
  addresses.push_back("h:65");
  CHECK(WhatIsWrong(At(addresses)) == "65 participants are more than 64");
  std::vector<Member> observed = At(addresses);
  observed[64].type = MemberType::kObserver;
  CHECK(WhatIsWrong(observed) == "");
}

TEST_CASE("a voter without a group beside one that has a group is named") {
  CHECK(Wrong([](auto* m) { (*m)[1].group = 4; }) ==
        "server 1 has no group, and server 2 has group 4");
  CHECK(Wrong([](auto* m) {
          for (Member& member : *m) member.group = 1;
          (*m)[2].group = 0, (*m)[2].weight = 0;
        }) == "server 3 has no group, and server 1 has group 1");
}

TEST_CASE("an address that is missing, or is that of two servers, is named") {
  CHECK(Wrong([](auto* m) { (*m)[2].address = ""; }) == "server 3 has no address");
  CHECK(Wrong([](auto* m) { (*m)[2].address = "A:01"; }) ==
        "A:01 is the address of two servers, 1 and 3");
  // Observers are dialled by nobody, but two of them still cannot listen at one place.
  CHECK(Wrong([](auto* m) {
          (*m)[3].type = (*m)[2].type = MemberType::kObserver;
          (*m)[3].address = (*m)[2].address = "\x1b[2J";
        }) == "?[2J is the address of two servers, 3 and 4");
  CHECK(WhatIsWrongBesideAddresses(At({"", ""})) == "");
  CHECK(WhatIsWrongBesideAddresses({}) == "there is no participant");
}

TEST_CASE("what another server lists cannot spoil a line") {
  CHECK(Differ({}, At({"a\n\x1b[2J\xff:1"})) == "1=a??[2J?:1 there alone");
  CHECK(Differ({}, At({std::string(1 << 20, 'x')})).size() < 400);
}

}  // namespace
}  // namespace zkq
