#include "lib/runtime/members_to_link.h"

#include "lib/link/seats.h"
#include "test/harness/catch.h"

namespace zkq::runtime {
namespace {

constexpr ServerId kFirst{1}, kSecond{2}, kThird{3};
constexpr DiskId kOld{1, 1}, kNew{2, 2}, kTold{3, 3};

// As the links read it.
const link::SeatAndAddresses& SeatOf(const std::vector<Member>& members, ServerId sid) {
  static std::map<ServerId, link::SeatAndAddresses> seats;
  seats = link::ReadSeats(members);
  return seats.at(sid);
}

using Addresses = std::vector<std::string>;

TEST_CASE("of several configurations the pending one's disk has the id, and a told one's none") {
  const Configs configs{
      .committed = {.members = {{.id = kFirst, .address = "a", .disk = kOld}}},
      .pending = Membership{.members = {{.id = kFirst, .address = "b", .disk = kNew}}}};
  const Membership told{.members = {{.id = kFirst, .address = "c", .disk = kTold}}};
  const std::vector<Member> members = MembersToLink(kThird, configs, &told, {}, 0);
  const link::SeatAndAddresses one = SeatOf(members, kFirst);
  CHECK(one.seat.Rank(kNew) > one.seat.Rank(kOld));
  CHECK(one.seat.Rank(kOld) > 0);
  CHECK(one.seat.WantsAnother(kTold));
  CHECK(one.addresses == Addresses{"a", "b", "c"});
}

TEST_CASE("who is only told of is linked, as it is listed there, at its address") {
  const Configs configs{.committed = {.members = {{.id = kFirst, .address = "a", .disk = kOld}}}};
  const Membership told{.members = {{.id = kSecond, .address = "b", .disk = kTold},
                                    {.id = kThird, .address = "c", .type = MemberType::kObserver}}};
  const std::vector<Member> members = MembersToLink(kThird, configs, &told, {}, 0);
  CHECK(SeatOf(members, kSecond).seat.RoleOf(kTold) == link::Role::kVoter);
  CHECK(SeatOf(members, kSecond).seat.RoleOf(kNew) == link::Role::kUnlisted);
  CHECK(SeatOf(members, kSecond).addresses == Addresses{"b"});
  CHECK(SeatOf(members, kThird).seat.RoleOf(kNew) == link::Role::kObserver);
  CHECK_FALSE(SeatOf(members, kThird).seat.voter);
}

TEST_CASE("the option's addresses come after those that count, and before those only told of") {
  const Configs configs{.committed = {.members = {{.id = kFirst, .address = "a", .disk = kOld}}}};
  const Membership told{.members = {{.id = kFirst, .address = "c", .disk = kOld}}};
  const std::vector<Member> configured = {{.id = kFirst, .address = "spare"}};
  CHECK(SeatOf(MembersToLink(kThird, configs, &told, configured, 0), kFirst).addresses ==
        Addresses{"a", "spare", "c"});
}

TEST_CASE("whom only the option knows is tried where nobody leads for long") {
  const Configs configs{.committed = {.members = {{.id = kFirst, .address = "a", .disk = kOld}}}};
  const std::vector<Member> configured = {{.id = kFirst, .address = "a"},
                                          {.id = kSecond, .address = "b"}};
  CHECK(MembersToLink(kThird, configs, nullptr, configured, 0).size() == 1);
  const std::vector<Member> members = MembersToLink(kThird, configs, nullptr, configured, 1);
  REQUIRE(members.size() == 2);
  CHECK(SeatOf(members, kSecond).addresses == Addresses{"b"});
}

TEST_CASE("of two disks of a seat each has the id in turn where nobody leads for long") {
  const Configs configs{
      .committed = {.members = {{.id = kFirst, .address = "a", .disk = kOld},
                                {.id = kSecond, .address = "b", .disk = kOld},
                                {.id = kThird, .address = "c", .disk = kOld}}},
      .pending = Membership{.members = {{.id = kFirst, .address = "a", .disk = kNew},
                                        {.id = kSecond, .address = "d", .disk = kOld},
                                        {.id = kThird, .address = "c", .disk = kNew}}}};
  for (const int64_t lost : {1, 2, 3, 4}) {
    CAPTURE(lost);
    const std::vector<Member> members = MembersToLink(kThird, configs, nullptr, {}, lost);
    const link::SeatAndAddresses first = SeatOf(members, kFirst);
    CHECK(first.seat.disks == std::vector<DiskId>{lost % 2 == 1 ? kOld : kNew});
    CHECK(first.seat.WantsAnother(lost % 2 == 1 ? kNew : kOld));
    CHECK(first.addresses == Addresses{"a", "a"});
    CHECK(SeatOf(members, kSecond).seat.Rank(kOld) > 0);
    CHECK(SeatOf(members, kSecond).addresses == Addresses{"b", "d"});
    CHECK(SeatOf(members, kThird).seat.disks == std::vector<DiskId>{kOld, kNew});  // this server
  }
}

}  // namespace
}  // namespace zkq::runtime
