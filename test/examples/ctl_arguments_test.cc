// zkqctl: its command line, and what a change makes of a membership.
#include <string>

#include "arguments.h"
#include "edit.h"
#include "test/harness/catch.h"
#include "zkq/options.h"

namespace ctl {
namespace {

using Strings = std::vector<std::string>;

Arguments Parsed(Strings words) {
  words.insert(words.begin(), "--servers=a:1");
  absl::StatusOr<Arguments> arguments = ParseArguments(words);
  INFO(arguments.status());
  REQUIRE(arguments.ok());
  return *std::move(arguments);
}

std::string Refused(Strings words) {
  words.insert(words.begin(), "--servers=a:1");
  const absl::StatusOr<Arguments> arguments = ParseArguments(words);
  REQUIRE_FALSE(arguments.ok());
  CHECK(arguments.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(arguments.status().message());
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

zkq::Membership Members(const std::string& spec) {
  zkq::Membership membership{.version = {5, 18}, .members = zkq::ParseMembers(spec).value()};
  for (zkq::Member& member : membership.members) {
    if (member.type == zkq::MemberType::kParticipant) member.disk = {7, ToInt(member.id)};
  }
  return membership;
}

const char kThree[] = "1=a:1,2=b:1,3=c:1,4=d:1:observer";

// What the words of a change make of kThree, without the disks; or why they do not.
std::string Edited(const Strings& words) {
  const absl::StatusOr<zkq::Membership> next = Edit(Members(kThree), Parsed(words).change);
  return next.ok() ? ToString(*next) : std::string(next.status().message());
}

TEST_CASE("zkqctl: options stand anywhere, with = or with a space") {
  const Arguments a = Parsed({"--timeout", "30s", "add", "-o", "json", "4=h4:7004", "--dry-run"});
  CHECK(a.verb == "add");
  CHECK(a.timeout == absl::Seconds(30));
  CHECK(a.output == Output::kJson);
  CHECK(a.dry_run);
  CHECK(a.servers == Strings{"a:1"});
  REQUIRE(a.change.add.size() == 1);
  CHECK(a.change.add[0].address == "h4:7004");
  CHECK(Parsed({"check-stop", "1,2", "3"}).ids.size() == 3);
  CHECK(Parsed({"--help"}).help);
}

TEST_CASE("zkqctl: what cannot be used is named") {
  CHECK(Has(Refused({}), "no verb"));
  CHECK(Has(Refused({"dance"}), "\"dance\" is no verb"));
  CHECK(Has(Refused({"status", "4"}), "usage: zkqctl"));
  CHECK(Has(Refused({"remove"}), "usage: zkqctl"));
  CHECK(Has(Refused({"replace", "3", "4=d:1,5=e:1"}), "one in its place"));
  CHECK(Has(Refused({"members", "--timeout=inf"}), "above 24h"));
  CHECK(Has(Refused({"remove", "x"}), "\"x\" is not the id"));
  CHECK(Has(Refused({"remove", "0"}), "\"0\" is not the id"));
  CHECK(Has(Refused({"add", "h4:7004"}), "id=host:port"));
  CHECK(Has(Refused({"add", "4=a:1", "4=b:1"}), "server 4 is named twice"));
  CHECK(Has(Refused({"members", "--timeout=soon"}), "--timeout=soon"));
  CHECK(Has(Refused({"members", "-o", "xml"}), "-o xml"));
  CHECK(Has(Refused({"members", "--timeout"}), "--timeout needs a value"));
  CHECK(Has(Refused({"members", "--jump=1"}), "unknown option --jump"));
  CHECK(Has(Refused({"members", "--dry-run"}), "members does not"));
  CHECK(Has(Refused({"members", "--add=4=a:1"}), "belong to reconfig"));
  CHECK(Has(Refused({"reconfig"}), "--add, --remove or --set"));
  CHECK(Has(Refused({"reconfig", "--add=4=a:1", "--from=5"}), "--from=5"));
  CHECK(Has(Refused({"move", "3=c:2:observer"}), "zkqctl set"));
  CHECK(Has(std::string(ParseArguments({"status"}).status().message()), "--servers"));
}

TEST_CASE("zkqctl: each verb changes what it says, all at once") {
  CHECK(Edited({"add", "5=e:1", "6=f:1:weight=2"}) ==
        "5:18 {1=a:1, 2=b:1, 3=c:1, 4=d:1:observer, 5=e:1, 6=f:1:weight=2}");
  CHECK(Edited({"add", "3=c:1"}) == "5:18 {1=a:1, 2=b:1, 3=c:1, 4=d:1:observer}");
  CHECK(Edited({"remove", "3", "9"}) == "5:18 {1=a:1, 2=b:1, 4=d:1:observer}");
  CHECK(Edited({"replace", "3", "5=e:1"}) == "5:18 {1=a:1, 2=b:1, 4=d:1:observer, 5=e:1}");
  CHECK(Edited({"replace", "9", "3=c:1"}) == "5:18 {1=a:1, 2=b:1, 3=c:1, 4=d:1:observer}");
  CHECK(Edited({"replace", "4", "5=e:1"}) == "5:18 {1=a:1, 2=b:1, 3=c:1, 5=e:1:observer}");
  CHECK(Edited({"replace", "4", "5=e:1:weight=2"}) == "5:18 {1=a:1, 2=b:1, 3=c:1, 5=e:1:weight=2}");
  CHECK(Edited({"move", "3=x:9"}) == "5:18 {1=a:1, 2=b:1, 3=x:9, 4=d:1:observer}");
  CHECK(Edited({"promote", "4"}) == "5:18 {1=a:1, 2=b:1, 3=c:1, 4=d:1}");
  CHECK(Edited({"demote", "1,2"}) ==
        "5:18 {1=a:1:observer, 2=b:1:observer, 3=c:1, 4=d:1:observer}");
  CHECK(Edited({"set", "1=a:1:priority=3"}) ==
        "5:18 {1=a:1:priority=3, 2=b:1, 3=c:1, 4=d:1:observer}");
  CHECK(Edited({"reconfig", "--remove=1,2,3", "--add=5=e:1,6=f:1", "--from=5:18"}) ==
        "5:18 {4=d:1:observer, 5=e:1, 6=f:1}");
}

TEST_CASE(
    "zkqctl: a disk stays listed, unless the change takes another or the server votes no more") {
  const auto disk = [](const Strings& words, uint64_t id) {
    const auto next = Edit(Members(kThree), Parsed(words).change);
    return FindMember(next.value(), zkq::ServerId{id})->disk;
  };
  CHECK(disk({"move", "3=x:9"}, 3) == zkq::DiskId{7, 3});
  CHECK(disk({"set", "3=x:9:weight=2"}, 3) == zkq::DiskId{7, 3});
  CHECK(disk({"set", "3=x:9:observer"}, 3) == zkq::DiskId{});
  CHECK(disk({"demote", "3"}, 3) == zkq::DiskId{});
  CHECK(disk({"replace", "3"}, 3) == zkq::kPresentDisk);
}

TEST_CASE("zkqctl: a change that does not fit is refused, and says what does") {
  CHECK(Has(Edited({"add", "3=x:9"}), "is listed already, as 3=c:1"));
  CHECK(Has(Edited({"add", "3=x:9"}), "`zkqctl move`"));
  CHECK(Has(Edited({"promote", "9"}), "`zkqctl add 9=HOST:PORT`"));
  CHECK(Has(Edited({"set", "9=i:1"}), "is not listed"));
  CHECK(Has(Edited({"replace", "4"}), "is an observer, which needs no replacing"));
  CHECK(Has(Edited({"replace", "33", "5=e:1"}), "server 33 is not listed"));
  CHECK(Has(Edited({"replace", "1", "2=b:1"}), "is listed already, and takes nobody's place"));
  CHECK(Has(Edited({"replace", "1", "1=x:9"}), "`zkqctl move` its new address"));
  const auto old = Edit(Members(kThree), Parsed({"reconfig", "--remove=1", "--from=5:17"}).change);
  CHECK(old.status().code() == absl::StatusCode::kAborted);
  CHECK(Edited({"reconfig", "--remove=9", "--from=5:17"}) ==  // it was done before
        "5:18 {1=a:1, 2=b:1, 3=c:1, 4=d:1:observer}");
}

}  // namespace
}  // namespace ctl
