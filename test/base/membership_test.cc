// Memberships as values: edited, and asked who decides.
#include <string>
#include <vector>

#include "test/harness/catch.h"
#include "zkq/types.h"

namespace zkq {
namespace {

Membership Three() {
  return {.version = {4, 2},
          .members = {{.id = ServerId{1}, .address = "a:1", .disk = {1, 1}},
                      {.id = ServerId{3}, .address = "c:1", .disk = {3, 3}},
                      {.id = ServerId{5}, .address = "e:1", .disk = {5, 5}}}};
}

TEST_CASE("a member is added in the order of ids, and the version stays") {
  const Membership three = Three();
  CHECK(ToString(With(three, {ServerId{4}, "d:1"})) == "4:2 {1=a:1, 3=c:1, 4=d:1, 5=e:1}");
  CHECK(ToString(With(three, {ServerId{9}, "i:1"})) == "4:2 {1=a:1, 3=c:1, 5=e:1, 9=i:1}");
  CHECK(ToString(With({}, {ServerId{9}, "i:1"})) == "0:0 {9=i:1}");
  CHECK(three == Three());
}

TEST_CASE("a member that is listed is replaced as a whole") {
  const Member moved{.id = ServerId{3}, .address = "new:1", .weight = 2};
  const Membership next = With(Three(), moved);
  CHECK(next.members.size() == 3);
  CHECK(next.members[1] == moved);
}

TEST_CASE("a member is left out, and one that is not listed changes nothing") {
  CHECK(ToString(Without(Three(), ServerId{3})) == "4:2 {1=a:1, 5=e:1}");
  CHECK(Without(Three(), ServerId{2}) == Three());
  CHECK(Without({}, ServerId{2}) == Membership{});
}

std::vector<ServerId> Ids(const std::vector<uint64_t>& numbers) {
  std::vector<ServerId> ids;
  for (const uint64_t number : numbers) ids.push_back(ServerId{number});
  return ids;
}

TEST_CASE("most of the voters are a quorum, on whichever disks, and others do not count") {
  const Membership membership =
      With(Three(), {.id = ServerId{7}, .type = MemberType::kObserver, .weight = 9});
  CHECK(IsQuorum(membership, Ids({3, 1})));
  CHECK_FALSE(IsQuorum(membership, Ids({3})));
  CHECK_FALSE(IsQuorum(membership, Ids({3, 3})));
  CHECK_FALSE(IsQuorum(membership, Ids({3, 7, 8})));
  CHECK_FALSE(IsQuorum(membership, {}));
  CHECK_FALSE(IsQuorum({}, Ids({1, 2, 3})));
}

TEST_CASE("weights are counted, and no weight is no vote") {
  Membership membership = Three();
  membership.members[0].weight = 3;
  CHECK(IsQuorum(membership, Ids({1})));
  CHECK_FALSE(IsQuorum(membership, Ids({3, 5})));
  membership.members[0].weight = 2;  // half of all
  CHECK_FALSE(IsQuorum(membership, Ids({1})));
  CHECK_FALSE(IsQuorum(membership, Ids({3, 5})));
  CHECK(IsQuorum(membership, Ids({1, 5})));
  for (Member& member : membership.members) member.weight = ~uint32_t{0};  // their sum has 34 bits
  CHECK(IsQuorum(membership, Ids({1, 5})));
  CHECK_FALSE(IsQuorum(membership, Ids({5})));
  for (Member& member : membership.members) member.weight = 0;
  CHECK_FALSE(IsQuorum(membership, Ids({1, 3, 5})));
}

TEST_CASE("most of the groups are a quorum, each by most of its weight") {
  Membership membership;
  for (uint64_t id = 1; id <= 9; ++id) {
    membership.members.push_back({.id = ServerId{id}, .group = static_cast<uint32_t>(id + 2) / 3});
  }
  CHECK(IsQuorum(membership, Ids({1, 2, 4, 5})));
  CHECK_FALSE(IsQuorum(membership, Ids({1, 2, 3, 4, 7})));
  // A group without weight is as if it were not there.
  for (int i = 6; i < 9; ++i) membership.members[i].weight = 0;
  CHECK_FALSE(IsQuorum(membership, Ids({1, 2, 7, 8})));
  CHECK(IsQuorum(membership, Ids({1, 2, 4, 5})));
}

}  // namespace
}  // namespace zkq
