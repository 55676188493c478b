// The text of a list of members: ParseMembers reads it, ToString(Member) writes it.
#include <random>
#include <string>
#include <vector>

#include "test/harness/catch.h"
#include "zkq/options.h"

namespace zkq {
namespace {

std::string Objection(std::string_view spec) {
  const auto members = ParseMembers(spec);
  REQUIRE(!members.ok());
  REQUIRE(members.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(members.status().message());
}

TEST_CASE("members are read in the order they are listed") {
  const auto members = ParseMembers("2=b:7102,1=127.0.0.1:7101,3=[::1]:7103");
  REQUIRE(members.ok());
  CHECK(*members == std::vector<Member>{{.id = ServerId{2}, .address = "b:7102"},
                                        {.id = ServerId{1}, .address = "127.0.0.1:7101"},
                                        {.id = ServerId{3}, .address = "[::1]:7103"}});
}

TEST_CASE("a member's options follow its port") {
  const auto members =
      ParseMembers("4=host:7004:observer,1=[::1]:7001:weight=2:group=1:priority=3");
  REQUIRE(members.ok());
  const Member observer{.id = ServerId{4}, .address = "host:7004", .type = MemberType::kObserver};
  const Member heavy{
      .id = ServerId{1}, .address = "[::1]:7001", .weight = 2, .group = 1, .priority = 3};
  CHECK(*members == std::vector<Member>{observer, heavy});
  CHECK(ToString(observer) == "4=host:7004:observer");
  CHECK(ToString(heavy) == "1=[::1]:7001:weight=2:group=1:priority=3");
}

TEST_CASE("ParseMembers reads back what ToString writes of a member") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1'000; ++i) {
    const Member member{
        .id = ServerId{random() >> 2 | 1},
        .address = (i % 2 == 0 ? "[fe80::1%eth0]:" : "h:") + std::to_string(random() % 65535 + 1),
        .type = random() % 2 == 0 ? MemberType::kParticipant : MemberType::kObserver,
        .weight = static_cast<uint32_t>(random() % 3 == 0 ? 1 : random()),
        .group = static_cast<uint32_t>(random() % 3 == 0 ? 0 : random()),
        .priority = static_cast<uint32_t>(random() % 3 == 0 ? 1 : random())};
    CAPTURE(ToString(member));
    const auto members = ParseMembers(ToString(member));
    REQUIRE(members.ok());
    CHECK(*members == std::vector<Member>{member});
  }
}

TEST_CASE("an id that is no number, or out of range, is named") {
  const std::string why = ": it is not id=host:port with an id from 1 to 2^62-1";
  for (const char* part : {"", "0=a:1", "4611686018427387904=a:1", "18446744073709551616=a:1",
                           "+1=a:1", " 1=a:1", "1 =a:1", "-1=a:1", "one=a:1", "=a:1", "a:1", "1"}) {
    CHECK(Objection(part) == "\"" + std::string(part) + "\"" + why);
  }
  CHECK(Objection("1=a:1,") == "\"\"" + why);
  CHECK(Objection("1=a:1, 2=a:2") == "\" 2=a:2\"" + why);
  CHECK(Objection("2=b:1,1=a:1,1=b:2") == "\"1=b:2\": server 1 is listed twice");
}

TEST_CASE("an address that cannot be dialled is named, and why") {
  const std::string form = ": it is not host:port", port = ": others cannot dial port 0";
  CHECK(Objection("1=a") == "\"1=a\"" + form);
  CHECK(Objection("1=h:1;2=h:2") == "\"1=h:1;2=h:2\"" + form);
  CHECK(Objection("1=unix:/tmp/x") == "\"1=unix:/tmp/x\"" + form);
  CHECK(Objection("1=dns:///h:1") == "\"1=dns:///h:1\"" + form);
  CHECK(Objection("1=h:70000") == "\"1=h:70000\"" + form);
  CHECK(Objection("1=[::1:1") == "\"1=[::1:1\"" + form);
  CHECK(Objection("1=h:0") == "\"1=h:0\"" + port);
  CHECK(Objection("1=h:1,2=0.0.0.0:2") == "\"2=0.0.0.0:2\": others cannot dial a wildcard address");
  CHECK(Objection("1=:1") == "\"1=:1\": it names no host");
  CHECK(Objection("2=::1:7002") ==
        "\"2=::1:7002\": an IPv6 address stands in brackets, as in [::1]:7001");
}

TEST_CASE("an option that is none, or stands twice, is named") {
  const auto objection = [](const std::string& option) {
    return "\"1=h:1" + option + "\": \"" + option.substr(option.rfind(':') + 1) +
           "\" is none of observer, weight=N, group=N and priority=N, each once";
  };
  for (const char* option : {":voter", ":observer=1", ":observer=", ":weight",
                             ":weight=", ":weight=-1", ":weight=4294967296", ":group=x",
                             ":weight=2:weight=2", ":observer:observer", ":", ":group=1:"}) {
    CHECK(Objection("1=h:1" + std::string(option)) == objection(option));
  }
}

}  // namespace
}  // namespace zkq
