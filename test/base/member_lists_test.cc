#include "lib/base/member_lists.h"

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

TEST_CASE("what another server lists cannot spoil a line") {
  CHECK(Differ({}, At({"a\n\x1b[2J\xff:1"})) == "1=a??[2J?:1 there alone");
  CHECK(Differ({}, At({std::string(1 << 20, 'x')})).size() < 400);
}

}  // namespace
}  // namespace zkq
