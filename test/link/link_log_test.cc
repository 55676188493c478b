// What links say in the log, and that nothing flaps fast enough to flood it: on streams that the
// test plays, in virtual time.
#include <algorithm>
#include <string>
#include <vector>

#include "lib/base/absl/throttle.h"
#include "test/harness/catch.h"
#include "test/link/played.h"

namespace zkq::testing {
namespace {

using absl::Milliseconds;
using absl::Minutes;
using absl::Seconds;
using absl::ZeroDuration;
using link::HelloAck;
using link::RefusalCode;
using link::ToStatus;
using Texts = std::vector<std::string>;

// --- the bound ------------------------------------------------------------------------

TEST_CASE("a line is written about one server once a minute") {
  Throttle throttle;
  CHECK(throttle.Wait(Line::kUnlinked, kOne, Seconds(10)) == ZeroDuration());
  CHECK(throttle.Wait(Line::kUnlinked, kOne, Seconds(11)) == Seconds(59));
  CHECK(throttle.Wait(Line::kUnlinked, kThree, Seconds(11)) == ZeroDuration());  // another server
  CHECK(throttle.Wait(Line::kLinked, kOne, Seconds(11)) == ZeroDuration());      // another line
  CHECK(throttle.Wait(Line::kUnlinked, kOne, Seconds(69)) == Seconds(1));
  CHECK(throttle.Wait(Line::kUnlinked, kOne, Seconds(70)) == ZeroDuration());
  CHECK(throttle.Wait(Line::kUnlinked, kOne, Seconds(71)) == Seconds(59));
}

TEST_CASE("what a throttle remembers is of the last minute") {
  Throttle throttle;
  for (uint64_t sid = 1; sid <= 1000; ++sid)
    throttle.Wait(Line::kUnlinked, ServerId{sid}, Seconds(sid));
  CHECK(throttle.size() == 60);
}

// --- links ------------------------------------------------------------------------------

// Server 2, which dials server 1 and waits for server 3.
struct Telling : Two {
  Telling() : Two(Ticking(kTwo)) { table->StartDialling(dialler); }
  void Pass(absl::Duration time = Milliseconds(1)) { scheduler.RunFor(time); }
  // The next attempt to dial server 1 ends so.
  void Fail(absl::Status status = absl::UnavailableError("connection refused by one")) {
    dialler->NextDial("one")->OnEnded(std::move(status));
    Pass();
  }
  PlayedStream& LinkOne() {
    PlayedStream& stream = Play(dialler->NextDial("one"));
    stream.Written();
    Pass(Milliseconds(4));
    stream.Say(HelloAck{1, Ticking(kOne)});
    Pass();
    return stream;
  }
};

TEST_CASE("a link is told with who has dialled, how far it is, and how long it was missed") {
  Telling two;
  two.Pass(Milliseconds(20));
  two.LinkOne();
  CHECK(two.log->lines() ==
        Texts{"linked: server 1 at one, dialled from here, round trip 4ms, after 24ms without a "
              "link"});
  two.FromThree(1, 1);
  two.Pass();
  CHECK(two.log->lines().back() ==
        "linked: server 3 at three, dialled by it, after 25ms without a link");
  CHECK(two.log->warnings().empty());
}

TEST_CASE("a link that is lost is told with the reason") {
  Telling two;
  two.LinkOne().End(absl::UnavailableError("Socket closed"));
  two.Pass();
  CHECK(two.log->named(Line::kUnlinked) == Texts{"server 1 at one: Socket closed"});
}

TEST_CASE("a server that is not reached is told when the limit of silence has passed") {
  Telling two;
  while (two.scheduler.now() < Seconds(1)) {
    CHECK(two.log->lines().empty());  // It may be starting.
    two.Fail(absl::UnavailableError("no such name: one"));
  }
  two.Fail(absl::UnavailableError("no such name: one"));
  REQUIRE(two.log->named(Line::kPeerUnreachable).size() == 1);
  const std::string told = two.log->named(Line::kPeerUnreachable).back();
  CHECK(told.starts_with("server 1 at one has had no link for 1"));
  CHECK(told.ends_with("s: no such name: one"));
}

TEST_CASE("a server that stays out of reach is told once a minute, with the newest reason") {
  Telling two;
  two.Fail(absl::UnavailableError("no such name: one"));
  while (two.scheduler.now() < Minutes(5)) two.Fail();
  CHECK(two.log->named(Line::kPeerUnreachable).size() == 5);
  CHECK(two.log->warnings().back().ends_with(": connection refused by one"));  // the newest
  two.LinkOne();
  CHECK(two.log->lines().back().ends_with("after 5m without a link"));
}

TEST_CASE("a server that answers knocks and does not dial is told when init_limit has passed") {
  Telling two;
  two.table->SetMembers({{{.id = kTwo, .address = "two"}, {.id = kThree, .address = "three"}}});
  while (two.scheduler.now() < Milliseconds(2500)) {
    two.dialler->NextKnock("three")(absl::OkStatus());
    two.Pass();
    CHECK(two.log->warnings().empty() == (two.scheduler.now() < Seconds(2)));
  }
  REQUIRE(two.log->warnings().size() == 1);
  const std::string told = two.log->warnings().back();
  CHECK(told.starts_with("peer-unreachable: server 3 at three has had no link for 2"));
  CHECK(
      told.ends_with("s: not dialled from here: server 3 was asked to dial two, and has not "
                     "reached it"));
}

TEST_CASE("a server that refuses is reached, and told as refusing") {
  Telling two;
  while (two.scheduler.now() < Seconds(30)) two.Fail(ToStatus({RefusalCode::kNotAMember, kOne}));
  CHECK(two.log->named(Line::kPeerUnreachable).empty());
  CHECK(two.log->named(Line::kRefusedByPeer).size() == 1);
}

TEST_CASE("all addresses of a server that is not reached are told") {
  Telling two;
  two.table->SetMembers({{{.id = kOne, .address = "agreed"}, {.id = kOne, .address = "spare"}}});
  two.dialler->Clear();
  two.Pass();
  while (two.scheduler.now() < Seconds(2)) {
    two.dialler->NextDial("agreed")->OnEnded(absl::UnavailableError("refused"));
    two.dialler->NextDial("spare")->OnEnded(absl::UnavailableError("refused"));
  }
  two.Pass();
  CHECK(two.log->warnings().back().starts_with("peer-unreachable: server 1 at agreed or spare "));
}

// --- another disk than the listed one ---------------------------------------------------

void List(Telling* two, ServerId sid, const std::string& address, const DiskId& disk) {
  two->table->SetMembers({{{.id = kTwo, .address = "two", .disk = {0, 2}},
                           {.id = sid, .address = address, .disk = disk}}});
}

// An attempt beside the link of server 1 fails, and the link lives.
void FailBeside(Telling* two, PlayedStream* live) {
  two->Fail(ToStatus({RefusalCode::kSameDisk, kOne}));
  live->Say(std::string());
}

TEST_CASE("another disk than the listed one is told once a minute while it is linked") {
  Telling two;
  List(&two, kOne, "one", kDisk1);
  PlayedStream& other = two.Play(two.dialler->NextDial("one"));
  other.Say(HelloAck{1, OnDisk(kOne, kStrangeDisk)});
  two.Pass();
  while (two.scheduler.now() < Minutes(3)) {
    CHECK(two.log->warnings().empty() == (two.scheduler.now() < Seconds(4)));
    FailBeside(&two, &other);
  }
  REQUIRE(two.log->warnings().size() == 3);
  const std::string told = two.log->warnings().front();
  CHECK(told.starts_with(
      "other-disk: server 1 at one has had another disk than the listed one for 4"));
  CHECK(
      told.ends_with("s; the listed one is not reached: refused by server 1: the disk that is "
                     "linked already, and another one is meant"));
}

TEST_CASE("a disk is another than the listed one only since that one is listed") {
  Telling two;
  List(&two, kOne, "one", kDisk1);
  PlayedStream& live = two.Play(two.dialler->NextDial("one"));
  live.Say(HelloAck{1, IdentityOf(kOne)});
  while (two.scheduler.now() < Minutes(1)) {
    two.Pass(Milliseconds(700));
    live.Say(std::string());
  }
  List(&two, kOne, "one", kStrangeDisk);
  two.Pass();
  const absl::Duration listed = two.scheduler.now();
  while (two.scheduler.now() < listed + Seconds(3)) {
    FailBeside(&two, &live);
    CHECK(two.log->warnings().empty());
  }
  // It is listed again, and the next time begins anew.
  List(&two, kOne, "one", kDisk1);
  two.dialler->Clear();
  for (int i = 0; i < 5; ++i) {
    two.Pass(Milliseconds(700));
    live.Say(std::string());
  }
  List(&two, kOne, "one", kStrangeDisk);
  two.Pass();
  FailBeside(&two, &live);
  CHECK(two.log->warnings().empty());
}

TEST_CASE("why the listed disk is not reached says what answers there instead") {
  Telling two;
  SECTION("another server") {
    List(&two, kOne, "one", kDisk1);
    PlayedStream& other = two.Play(two.dialler->NextDial("one"));
    other.Say(HelloAck{1, OnDisk(kOne, kStrangeDisk)});
    two.Pass();
    while (two.log->named(Line::kOtherDisk).empty()) {
      two.Play(two.dialler->NextDial("one")).Say(HelloAck{1, IdentityOf(kThree)});
      two.Pass();
      other.Say(std::string());
    }
    CHECK(two.log->named(Line::kOtherDisk)
              .front()
              .ends_with(": server 3 answers at the address of server 1"));
  }
  SECTION("a knock is heard, and not followed") {
    List(&two, kThree, "three", kDisk3);
    PlayedStream& other = two.Accept();
    other.Say(HelloOf(OnDisk(kThree, kStrangeDisk), 1));
    while (two.log->named(Line::kOtherDisk).empty()) {
      two.dialler->NextKnock("three")(absl::OkStatus());
      two.Pass();
      other.Say(std::string());
    }
    CHECK(two.log->named(Line::kOtherDisk)
              .front()
              .ends_with(": asked to dial, and has not: who is linked may have heard that"));
  }
}

// --- links that come and go -------------------------------------------------------------

TEST_CASE("a link that flaps is told once a minute, and at last as it stands") {
  Telling two;
  while (two.scheduler.now() < Minutes(10)) {
    two.LinkOne().End(absl::UnavailableError("gone"));
    two.Pass(Milliseconds(700));
  }
  PlayedStream& stream = two.LinkOne();
  while (two.scheduler.now() < Minutes(11)) {
    two.Pass(Milliseconds(700));
    stream.Say(std::string());
  }
  for (const LineInfo& info : kLines) {
    CAPTURE(info.name);
    CHECK(two.log->named(info.line).size() <= 12);
  }
  CHECK(two.log->named(Line::kUnlinked).size() >= 9);
  CHECK(two.log->lines().back().starts_with("linked: server 1 at one, dialled from here"));
}

TEST_CASE("that a server is reached again is told at once where it was told that it was not") {
  Telling two;
  two.LinkOne().End(absl::UnavailableError("gone"));
  const absl::Duration lost = two.scheduler.now();
  while (two.log->named(Line::kPeerUnreachable).empty()) two.Fail();
  two.LinkOne();
  CHECK(two.scheduler.now() - lost < Seconds(5));
  CHECK(two.log->named(Line::kLinked).size() == 2);
}

TEST_CASE("a link that is lost at once is told, and so is one that replaces another") {
  Telling two;
  two.FromThree(1, 1);
  two.table->DropLink({kThree, 1, 1});
  two.Pass();
  CHECK(two.log->lines() == Texts{"unlinked: server 3 at three: dropped"});
  two.FromThree(1, 2);
  two.Pass();
  CHECK(two.log->lines().back().starts_with("linked: server 3"));
}

TEST_CASE("nothing is told of links that a shutdown ends") {
  Telling two;
  two.LinkOne();
  const size_t lines = two.log->lines().size();
  two.table->Shutdown();
  two.Pass(Seconds(1));
  CHECK(two.log->lines().size() == lines);
}

// --- refusals ---------------------------------------------------------------------------

TEST_CASE("strangers that say nothing, or are too many, are told as such") {
  Two two(Ticking(kTwo));
  SECTION("too slow") {
    two.Accept();
    two.scheduler.RunFor(Seconds(1));
    CHECK(two.log->warnings() ==
          Texts{"stranger-refused: a stranger refused by " + link::Describe(Ticking(kTwo)) +
                ": the handshake takes too long"});
  }
  SECTION("too many") {
    for (size_t i = 0; i < link::kStrangersMax; ++i) two.Accept();
    CHECK_FALSE(two.table->Accept().ok());
    CHECK_FALSE(two.table->AcceptTransfer().ok());
    CHECK(two.log->warnings() ==
          Texts{"stranger-refused: a stranger refused by " + link::Describe(Ticking(kTwo)) +
                ": too many streams without a handshake"});
  }
}

TEST_CASE("refusals of members are told one by one, those of all strangers together") {
  Two two;
  for (uint64_t sid = 1; sid <= 50; ++sid) {
    Identity from = IdentityOf(ServerId{sid});
    from.ensemble = kTheirs;
    if (ServerId{sid} != kTwo) two.Accept().Say(HelloOf(from, 1));
  }
  CHECK(two.log->named(Line::kPeerRefused).size() == 2);
  CHECK(two.log->named(Line::kStrangerRefused).size() == 1);
}

TEST_CASE("what comes and goes between good servers is no refusal to tell") {
  Two two;
  two.Accept().Say(HelloOf(IdentityOf(kOne), 1));  // the smaller id dials
  CHECK(two.streams.back()->refused() == RefusalCode::kDialBack);
  CHECK(two.log->lines().empty());
}

}  // namespace
}  // namespace zkq::testing
