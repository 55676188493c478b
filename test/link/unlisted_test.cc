// Observers, servers that are not listed, and seats with more than one disk: PROTOCOL §5.3 D1,
// D2, D5 and D8. The rules alone, then the table on streams that the test plays.
#include <string>
#include <vector>

#include "lib/link/handshake.h"
#include "lib/link/seats.h"
#include "test/harness/catch.h"
#include "test/link/played.h"

namespace zkq::testing {
namespace {

using absl::StatusCode;
using link::Hello;
using link::HelloAck;
using link::KnownPeer;
using link::ReadSeats;
using link::RefusalCode;
using link::Role;
using link::Seat;
using link::ToStatus;
using link::Way;
using link::WayTo;

constexpr RefusalCode kTaken{};
constexpr MemberType kObserver = MemberType::kObserver;
constexpr ServerId kFour{4}, kNine{9};
constexpr DiskId kNewDisk3{3, 3}, kOtherDisk{8, 8};

// --- the list alone ---------------------------------------------------------------------

TEST_CASE("a server is a voter with the disks that are listed for it, and with others unlisted") {
  const auto seats = ReadSeats({{.id = kThree, .address = "three", .disk = kDisk3},
                                {.id = kThree, .address = "spare"},
                                {.id = kThree, .address = "three", .disk = kNewDisk3},
                                {.id = kOne, .address = "one"},
                                {.id = kFour, .address = "four", .type = kObserver}});
  const Seat& three = seats.at(kThree).seat;
  CHECK(three.RoleOf(kDisk3) == Role::kVoter);
  CHECK(three.RoleOf(kNewDisk3) == Role::kVoter);
  CHECK(three.RoleOf(kStrangeDisk) == Role::kUnlisted);
  CHECK(three.Rank(kNewDisk3) > three.Rank(kDisk3));
  CHECK(three.Rank(kStrangeDisk) == 0);
  CHECK(seats.at(kOne).seat.RoleOf(kStrangeDisk) == Role::kVoter);  // no disk is known
  CHECK(seats.at(kFour).seat.RoleOf(kStrangeDisk) == Role::kObserver);
  CHECK(Seat{}.RoleOf(kDisk3) == Role::kUnlisted);
}

TEST_CASE("a voter of one configuration and observer of the next is both, each with its disks") {
  const auto seats = ReadSeats(
      {{.id = kThree, .address = "three", .disk = kDisk3}, {.id = kThree, .type = kObserver}});
  CHECK(seats.at(kThree).seat.RoleOf(kDisk3) == Role::kVoter);
  CHECK(seats.at(kThree).seat.RoleOf(kStrangeDisk) == Role::kObserver);
}

TEST_CASE("an address to spare makes no voter of an observer") {
  const auto seats = ReadSeats(
      {{.id = kThree, .address = "agreed", .type = kObserver}, {.id = kThree, .address = "spare"}});
  CHECK(seats.at(kThree).seat.RoleOf(kDisk3) == Role::kObserver);
  CHECK(seats.at(kThree).addresses == std::vector<std::string>{"agreed", "spare"});
}

TEST_CASE("any list can be read") {
  CHECK(ReadSeats({}).empty());
  CHECK(ReadSeats({{.id = kNoServer, .address = "nobody"}}).empty());
  CHECK(ReadSeats({{.id = kOne}}).at(kOne).addresses.empty());
}

TEST_CASE("of two voters the larger id dials; others dial each voter, and nobody else") {
  const Seat voter{.voter = true}, observer{.observer = true};
  CHECK(WayTo(kTwo, Role::kVoter, kOne, voter) == Way::kDial);
  CHECK(WayTo(kTwo, Role::kVoter, kThree, voter) == Way::kKnock);
  for (const Role us : {Role::kObserver, Role::kUnlisted}) {
    CHECK(WayTo(kTwo, us, kOne, voter) == Way::kDial);
    CHECK(WayTo(kTwo, us, kThree, voter) == Way::kDial);
  }
  for (const Role us : {Role::kVoter, Role::kObserver, Role::kUnlisted}) {
    CHECK(WayTo(kTwo, us, kTwo, voter) == Way::kWait);
    CHECK(WayTo(kTwo, us, kOne, observer) == Way::kWait);
    CHECK(WayTo(kTwo, us, kOne, Seat{}) == Way::kWait);
  }
}

// --- the rules alone --------------------------------------------------------------------

Identity Unfounded(Identity identity) {
  identity.ensemble = {};
  return identity;
}
// What server 2 says to a Hello.
RefusalCode Said(const Identity& from, const KnownPeer& known,
                 const Identity& self = IdentityOf(kTwo)) {
  return JudgeHello(self, HelloOf(from, 1), known).refusal;
}

TEST_CASE("who is not listed is taken by a voter whatever its id, founded or not") {
  for (const ServerId sid : {kOne, kNine}) {
    CHECK(Said(IdentityOf(sid), {}) == kTaken);
    CHECK(Said(Unfounded(IdentityOf(sid)), {}) == kTaken);
    CHECK(Said(IdentityOf(sid), {.seat = {.observer = true}}) == kTaken);
    CHECK(Said(OnDisk(sid, kStrangeDisk), {.seat = {.voter = true, .disks = {kDisk3}}}) == kTaken);
  }
}

TEST_CASE("a server that belongs to no ensemble yet takes nobody that it does not list") {
  const Identity self = Unfounded(IdentityOf(kTwo));
  CHECK(Said(IdentityOf(kNine), {}, self) == RefusalCode::kNotAMember);
  CHECK(Said(Unfounded(IdentityOf(kNine)), {}, self) == RefusalCode::kNotAMember);
  CHECK(Said(IdentityOf(kNine), {.seat = {.observer = true}}, self) == kTaken);
}

TEST_CASE("without room those are refused that are not listed, and they alone") {
  CHECK(Said(IdentityOf(kNine), {.has_room = false}) == RefusalCode::kTooManyUnlisted);
  CHECK(Said(OnDisk(kThree, kStrangeDisk),
             {.has_room = false, .seat = {.voter = true, .disks = {kDisk3}}}) ==
        RefusalCode::kTooManyUnlisted);
  CHECK(Said(IdentityOf(kThree), {.has_room = false, .seat = {.voter = true}}) == kTaken);
  CHECK(Said(IdentityOf(kNine), {.has_room = false, .seat = {.observer = true}}) == kTaken);
}

TEST_CASE("of two listed disks the newest configuration's has the id, then the other, then none") {
  KnownPeer known{.seat = {.voter = true, .disks = {kDisk3, kNewDisk3}},
                  .live = LinkId{kThree, 50, 1}};
  const DiskId rising[] = {kStrangeDisk, kDisk3, kNewDisk3};
  for (size_t live = 0; live < 3; ++live) {
    for (size_t from = 0; from < 3; ++from) {
      if (from == live) continue;
      CAPTURE(live, from);
      known.live_disk = rising[live];
      const Identity peer = OnDisk(kThree, rising[from]);  // with the smaller boot
      CHECK(Said(peer, known) == (from > live ? kTaken : RefusalCode::kSecondDisk));
      CHECK(TakesTheId(IdentityOf(kTwo), peer, known) == (from > live));
    }
  }
}

TEST_CASE("of two disks under one id that are not listed the linked one has it") {
  const KnownPeer known{.live = LinkId{kNine, 1, 1}, .live_disk = kStrangeDisk};
  CHECK(Said(IdentityOf(kNine, 99), known) == RefusalCode::kSecondDisk);
}

// The two ends may have two lists: one of them was promoted, say, and only the other knows.
TEST_CASE("a server that is no voter takes the stream of one that dials it, unless it is at it") {
  KnownPeer one{.us = Role::kUnlisted, .seat = {.voter = true}};
  CHECK(Said(IdentityOf(kOne), one) == kTaken);
  CHECK(Said(IdentityOf(kThree), one) == kTaken);
  one.dialling = true;
  CHECK(Said(IdentityOf(kOne), one) == RefusalCode::kDialBack);
  CHECK(Said(IdentityOf(kThree), one) == RefusalCode::kDialBack);
  one.unreachable = true;
  CHECK(Said(IdentityOf(kThree), one) == kTaken);
  // Two that have found each other at voters' addresses: the larger id's stream stays.
  const KnownPeer other{
      .us = Role::kUnlisted, .seat = {.voter = true, .disks = {{7, 7}}}, .dialling = true};
  CHECK(Said(IdentityOf(kThree), other) == kTaken);
  CHECK(Said(IdentityOf(kOne), other) == RefusalCode::kDialBack);
}

TEST_CASE("who knocks and is no voter here is told to dial, and so is one without an address") {
  const auto judge = [](const Identity& from, const KnownPeer& known,
                        const Identity& self = IdentityOf(kTwo)) {
    return JudgeKnock(self, from, kTwo, known).refusal;
  };
  const Seat seat{.voter = true, .disks = {{0, 1}}};
  CHECK(judge(IdentityOf(kOne), {.seat = seat}) == kTaken);
  CHECK(judge(OnDisk(kOne, kStrangeDisk), {.seat = seat}) == RefusalCode::kDialMe);
  CHECK(judge(IdentityOf(kOne), {}) == RefusalCode::kDialMe);
  CHECK(judge(IdentityOf(kNine), {}) == RefusalCode::kDialMe);
  CHECK(judge(IdentityOf(kOne), {.seat = seat, .has_address = false}) == RefusalCode::kDialMe);
  CHECK(judge(IdentityOf(kNine), {}, Unfounded(IdentityOf(kTwo))) == RefusalCode::kNotAMember);
  // It takes this server for a voter, and has the smaller id; this one dials all voters.
  CHECK(judge(IdentityOf(kThree), {.us = Role::kUnlisted, .seat = {.voter = true}}) == kTaken);
}

// --- the table on played streams --------------------------------------------------------

std::vector<Member> Trio() {
  return {{.id = kOne, .address = "one", .disk = kDisk1},
          {.id = kTwo, .address = "two", .disk = {0, 2}},
          {.id = kThree, .address = "three", .disk = kDisk3}};
}

std::vector<Member> OneAndTwo() {
  return {{.id = kTwo, .address = "two", .disk = {0, 2}},
          {.id = kOne, .address = "one", .disk = kDisk1}};
}

// A link that such a server has dialled.
PlayedStream& From(Two* two, const Identity& identity, uint64_t seq = 1) {
  PlayedStream& stream = two->Accept();
  stream.Say(HelloOf(identity, seq));
  if (stream.open()) stream.Written();
  return stream;
}

bool HasNoDials(Two* two) {
  two->scheduler.RunFor(absl::Seconds(5));
  return !two->dialler->has_dials() && !two->dialler->has_knocks();
}

TEST_CASE("a server that is not listed is linked like others") {
  Two two;
  PlayedStream& nine = From(&two, Unfounded(OnDisk(kNine, kStrangeDisk, 7)));
  REQUIRE(std::holds_alternative<HelloAck>(nine.written().front().body));
  const LinkId link{kNine, 7, 1};
  two.table->Send({&link, 1}, {.body = Ack{{1, 1}}});
  CHECK(nine.written().size() == 1);
  two.table->Notify(kNine, {.round = 5});
  nine.Say(Message{.body = Ack{{1, 2}}});
  nine.Say(HelloOf(OnDisk(kNine, kStrangeDisk, 7), 1), 2);  // it has attached
  CHECK(two.diary.Holds(
      {"up 9.7.1", "message 9.7.1 ack 1:2", "introduced 9.7.1 " + ToString(kOurs)}));
  const std::vector<LinkState> told = two.table->links();
  REQUIRE(told.size() == 3);
  CHECK((told[2].id == kNine && told[2].up && !told[2].listed));
  two.table->DropLink(link);
  CHECK(nine.closed() == StatusCode::kAborted);
  two.scheduler.RunFor(absl::Milliseconds(1));
  CHECK(two.diary.lines().back() == "down 9.7.1");
  CHECK(two.table->links().size() == 2);
}

TEST_CASE("a voter neither dials nor asks observers and servers that are not listed") {
  Two two;
  two.table->SetMembers({{{.id = kTwo, .address = "two", .disk = {0, 2}},
                          {.id = kOne, .address = "one", .type = kObserver},
                          {.id = kFour, .address = "four", .type = kObserver}}});
  two.table->StartDialling(two.dialler);
  From(&two, IdentityOf(kNine)).End(absl::UnavailableError("gone"));
  From(&two, IdentityOf(kOne)).End(absl::UnavailableError("gone"));
  CHECK(HasNoDials(&two));
  REQUIRE(two.table->links().size() == 2);  // An observer is missed, others are not.
  CHECK(two.table->links()[1].error ==
        absl::UnavailableError("not dialled from here: server 4 dials, and has not been heard"));
}

TEST_CASE("an observer, and a server that is not listed, dials all voters and nobody else") {
  const bool listed = GENERATE(true, false);
  std::vector<Member> members = {{.id = kOne, .address = "one", .disk = kDisk1},
                                 {.id = kThree, .address = "three", .disk = kDisk3},
                                 {.id = kFour, .address = "four", .type = kObserver}};
  if (listed) members.push_back({.id = kTwo, .address = "two", .type = kObserver});
  Two two;
  two.table->SetMembers(members);
  two.table->StartDialling(two.dialler);
  two.Play(two.dialler->NextDial("one")).Say(HelloAck{1, IdentityOf(kOne)});
  two.Play(two.dialler->NextDial("three")).Say(HelloAck{1, IdentityOf(kThree)});
  CHECK(two.diary.Holds({"up 1.1.1", "up 3.1.4"}));
  CHECK(two.table->links().size() == 2);
  two.table->DropLink({kThree, 1, 4});
  two.dialler->NextDial("three");
  CHECK(HasNoDials(&two));
}

TEST_CASE("a voter's seat with another disk is dialled by who has that disk, not as a voter") {
  Two two(OnDisk(kTwo, kStrangeDisk));
  two.table->SetMembers(Trio());
  two.table->StartDialling(two.dialler);
  two.dialler->NextDial("one");
  two.dialler->NextDial("three");
}

TEST_CASE("two disks of one seat are alive: the listed one has the id, the other waits for it") {
  Two two;
  PlayedStream& strange = From(&two, OnDisk(kThree, kStrangeDisk, 9));
  CHECK(strange.open());
  CHECK_FALSE(two.table->links()[1].listed);
  From(&two, IdentityOf(kThree, 5));
  CHECK(strange.closed() == StatusCode::kAborted);
  CHECK(From(&two, OnDisk(kThree, kStrangeDisk, 9), 2).refused() == RefusalCode::kSecondDisk);
  CHECK(two.diary.Holds({"up 3.9.1", "down 3.9.1", "up 3.5.1"}));
}

TEST_CASE("a seat that is linked with another disk is dialled until the listed one answers") {
  Two two(OnDisk(kTwo, kStrangeDisk));  // it learns
  two.table->SetMembers({{{.id = kOne, .address = "one", .disk = kDisk1}}});
  PlayedStream& other = From(&two, OnDisk(kOne, kOtherDisk, 9));
  two.table->StartDialling(two.dialler);
  PlayedStream& same = two.Play(two.dialler->NextDial("one"));
  CHECK(std::get<Hello>(same.written().front().body).instead_of == kOtherDisk);
  same.End(ToStatus({RefusalCode::kSameDisk, kOne}));
  PlayedStream& third = two.Play(two.dialler->NextDial("one"));
  third.Say(HelloAck{1, OnDisk(kOne, kNewDisk3, 99)});
  CHECK(third.refused() == RefusalCode::kSecondDisk);
  CHECK(other.open());
  CHECK(two.table->links()[0].up);
  two.Play(two.dialler->NextDial("one")).Say(HelloAck{1, IdentityOf(kOne, 5)});
  CHECK(other.closed() == StatusCode::kAborted);
  CHECK(HasNoDials(&two));
  CHECK(two.diary.Holds({"up 1.9.1", "down 1.9.1", "up 1.5.5"}));
}

TEST_CASE("a voter knocks, too, at a seat that is linked with another disk") {
  Two two;
  two.table->SetMembers({{{.id = kTwo, .address = "two", .disk = {0, 2}},
                          {.id = kThree, .address = "three", .disk = kDisk3},
                          {.id = kThree, .address = "elsewhere"}}});
  PlayedStream& other = From(&two, OnDisk(kThree, kOtherDisk, 9));
  two.table->StartDialling(two.dialler);
  two.dialler->NextKnock("three")(absl::OkStatus());
  two.dialler->NextKnock("elsewhere")(absl::OkStatus());  // the first may be where that disk is
  From(&two, IdentityOf(kThree, 5), 2);
  CHECK(other.closed() == StatusCode::kAborted);
  two.dialler->Clear();
  CHECK(HasNoDials(&two));
}

TEST_CASE("dialled back where another disk answers, the listed one may dial itself") {
  Two two;
  two.table->SetMembers(OneAndTwo());
  PlayedStream& other = From(&two, OnDisk(kOne, kOtherDisk, 9));
  two.table->StartDialling(two.dialler);
  for (int i = 0; i < link::kDialBackFailures; ++i) {
    CHECK(From(&two, IdentityOf(kOne)).refused() == RefusalCode::kDialBack);
    two.Play(two.dialler->NextDial("one")).End(ToStatus({RefusalCode::kSameDisk, kOne}));
  }
  CHECK(other.open());
  CHECK(From(&two, IdentityOf(kOne)).open());
  CHECK(other.closed() == StatusCode::kAborted);
}

TEST_CASE("a dial-back that another disk answers, which then is linked, was in vain") {
  Two two;
  two.table->SetMembers(OneAndTwo());
  two.table->StartDialling(two.dialler);
  CHECK(From(&two, IdentityOf(kOne)).refused() == RefusalCode::kDialBack);
  PlayedStream& other = two.Play(two.dialler->NextDial("one"));
  other.Say(HelloAck{1, OnDisk(kOne, kOtherDisk, 9)});
  for (int i = 1; i < link::kDialBackFailures; ++i) {
    CHECK(From(&two, IdentityOf(kOne)).refused() == RefusalCode::kDialBack);
    two.Play(two.dialler->NextDial("one")).End(ToStatus({RefusalCode::kSameDisk, kOne}));
  }
  CHECK(other.open());
  CHECK(From(&two, IdentityOf(kOne)).open());
}

// Server 1 is listed on two disks, as while a change of its disk is pending.
std::vector<Member> Joint() {
  return {{.id = kTwo, .address = "two", .disk = {0, 2}},
          {.id = kOne, .address = "one", .disk = kDisk1},
          {.id = kOne, .address = "one", .disk = kOtherDisk}};
}

TEST_CASE("a disk that takes the id over keeps nobody's link down until it answers") {
  Two two;
  two.table->SetMembers(Joint());
  two.table->StartDialling(two.dialler);
  PlayedStream& old = two.Play(two.dialler->NextDial("one"));
  old.Say(HelloAck{1, IdentityOf(kOne)});
  for (int i = 0; i < link::kDialBackFailures; ++i) {
    CHECK(two.table->OnKnock(OnDisk(kOne, kOtherDisk), kTwo).ok());
    PlayedStream& same = two.Play(two.dialler->NextDial("one"));
    CHECK(std::get<Hello>(same.written().front().body).instead_of == kDisk1);
    same.End(ToStatus({RefusalCode::kSameDisk, kOne}));
    CHECK(HasNoDials(&two));
  }
  CHECK(old.open());
  CHECK(link::RefusedIn(two.table->OnKnock(OnDisk(kOne, kOtherDisk), kTwo))->code ==
        RefusalCode::kDialMe);
  CHECK(From(&two, OnDisk(kOne, kOtherDisk)).open());
  CHECK(old.closed() == StatusCode::kAborted);
}

TEST_CASE("a knock of the disk that has the id is answered by a dial beside the other one") {
  Two two;
  two.table->SetMembers(Joint());
  two.table->StartDialling(two.dialler);
  PlayedStream& old = two.Play(two.dialler->NextDial("one"));
  old.Say(HelloAck{1, IdentityOf(kOne)});
  CHECK(two.table->OnKnock(OnDisk(kOne, kOtherDisk), kTwo).ok());
  two.Play(two.dialler->NextDial("one")).Say(HelloAck{1, OnDisk(kOne, kOtherDisk)});
  CHECK(old.closed() == StatusCode::kAborted);
  CHECK(HasNoDials(&two));
}

TEST_CASE("an attempt beside a link ends when that disk is listed, and outlives the link") {
  Two two(OnDisk(kTwo, kStrangeDisk));
  two.table->SetMembers({{{.id = kOne, .address = "one", .disk = kDisk1}}});
  PlayedStream& other = From(&two, OnDisk(kOne, kOtherDisk, 9));
  two.table->StartDialling(two.dialler);
  PlayedStream& attempt = two.Play(two.dialler->NextDial("one"));
  SECTION("listed") {
    two.table->SetMembers({{{.id = kOne, .address = "one", .disk = kOtherDisk}}});
    CHECK(attempt.closed() == StatusCode::kAborted);
    CHECK(other.open());
    CHECK(HasNoDials(&two));
  }
  SECTION("the link breaks") {
    other.End(absl::UnavailableError("gone"));
    attempt.Say(HelloAck{1, IdentityOf(kOne, 5)});
    CHECK(two.diary.Holds({"up 1.9.1", "down 1.9.1", "up 1.5.1"}));
  }
}

TEST_CASE("a dial-back that another machine answers was in vain, whatever is said then") {
  Two two;
  two.table->SetMembers(OneAndTwo());
  two.table->StartDialling(two.dialler);
  const RefusalCode said =
      GENERATE(RefusalCode::kOwnId, RefusalCode::kItself, RefusalCode::kForeignEnsemble,
               RefusalCode::kMeantAnother, RefusalCode::kShutDown);
  for (int i = 0; i < link::kDialBackFailures; ++i) {
    CHECK(From(&two, IdentityOf(kOne)).refused() == RefusalCode::kDialBack);
    two.Play(two.dialler->NextDial("one")).End(ToStatus({said, kOne}));
  }
  CHECK(From(&two, IdentityOf(kOne)).open() == (said != RefusalCode::kShutDown));
}

TEST_CASE("beside a link that may be dead its own disk may dial anew") {
  Two two(OnDisk(kTwo, kStrangeDisk));  // a server of the larger id that learns
  two.table->SetMembers({{{.id = kOne, .address = "one", .disk = kDisk1}}});
  From(&two, OnDisk(kOne, kOtherDisk, 9));
  two.table->StartDialling(two.dialler);
  two.dialler->NextDial("one");
  CHECK(From(&two, OnDisk(kOne, kOtherDisk, 10), 2).open());
}

TEST_CASE("an attempt beside a link goes on where that disk dials anew") {
  Two two;
  two.table->SetMembers(OneAndTwo());
  PlayedStream& other = From(&two, OnDisk(kOne, kOtherDisk, 9));
  two.table->StartDialling(two.dialler);
  PlayedStream& attempt = two.Play(two.dialler->NextDial("one"));
  CHECK(From(&two, OnDisk(kOne, kOtherDisk, 9), 2).open());
  CHECK(other.closed() == StatusCode::kAborted);
  attempt.Say(HelloAck{1, IdentityOf(kOne, 5)});
  CHECK(two.diary.Holds({"up 1.9.1", "down 1.9.1", "up 1.9.2", "down 1.9.2", "up 1.5.1"}));
}

TEST_CASE("attempts beside a link leave the address of it to questions and snapshots") {
  Two two(OnDisk(kTwo, kStrangeDisk));
  two.table->SetMembers({{{.id = kOne, .address = "one", .disk = kDisk1},
                          {.id = kOne, .address = "another", .disk = kDisk1}}});
  two.table->StartDialling(two.dialler);
  two.Play(two.dialler->NextDial("one")).Say(HelloAck{1, OnDisk(kOne, kOtherDisk, 9)});
  two.Play(two.dialler->NextDial("one")).End(ToStatus({RefusalCode::kSameDisk, kOne}));
  CHECK(two.table->AddressOf(kOne) == "one");
  two.Play(two.dialler->NextDial("another")).Say(HelloAck{1, IdentityOf(kOne, 5)});
  CHECK(two.table->AddressOf(kOne) == "another");
}

TEST_CASE("the disk that is linked already is told so where another one is meant") {
  Hello hello = HelloOf(IdentityOf(kNine), 2);
  hello.instead_of = IdentityOf(kTwo).disk;
  CHECK(JudgeHello(IdentityOf(kTwo), hello, {}).refusal == RefusalCode::kSameDisk);
  hello.instead_of = kOtherDisk;
  CHECK(JudgeHello(IdentityOf(kTwo), hello, {}).refusal == kTaken);
}

TEST_CASE("while two configurations count, the newest one's disk has the id") {
  Two two;
  std::vector<Member> joint = Trio();
  joint.push_back({.id = kThree, .address = "three", .disk = kNewDisk3});
  PlayedStream& old = From(&two, IdentityOf(kThree, 9));
  two.table->SetMembers(joint);
  CHECK(old.open());
  From(&two, OnDisk(kThree, kNewDisk3, 5));
  CHECK(old.closed() == StatusCode::kAborted);
  CHECK(From(&two, IdentityOf(kThree, 9), 2).refused() == RefusalCode::kSecondDisk);
  CHECK(two.table->links()[1].listed);
}

TEST_CASE("so many servers that are not listed are linked, and listed ones come in all the same") {
  Two two;
  for (uint64_t i = 0; i < 64; ++i) CHECK(From(&two, IdentityOf(ServerId{100 + i})).open());
  CHECK(From(&two, IdentityOf(ServerId{164})).refused() == RefusalCode::kTooManyUnlisted);
  CHECK(From(&two, IdentityOf(ServerId{163}), 2).open());  // in place of its own
  CHECK(From(&two, IdentityOf(kThree)).open());
  two.table->DropLink({ServerId{100}, 1, 1});
  CHECK(From(&two, IdentityOf(ServerId{164})).open());
  CHECK(From(&two, IdentityOf(ServerId{100}), 2).refused() == RefusalCode::kTooManyUnlisted);
}

TEST_CASE("who is refused for want of room waits longer each time, and is told so") {
  Two two(OnDisk(kTwo, kStrangeDisk));
  two.table->SetMembers({{{.id = kOne, .address = "one", .disk = kDisk1}}});
  two.table->StartDialling(two.dialler);
  for (int i = 0; i < 6; ++i) {
    two.dialler->NextDial("one")->OnEnded(ToStatus({RefusalCode::kTooManyUnlisted, kOne}));
  }
  CHECK(two.table->links()[0].error ==
        absl::ResourceExhaustedError(
            "refused by server 1: too many servers that are not listed are linked already"));
  two.scheduler.RunFor(absl::Milliseconds(399));
  CHECK_FALSE(two.dialler->has_dials());
  two.dialler->NextDial("one");
}

TEST_CASE(
    "a server that leaves the list keeps its link, counts as not listed, and is not dialled") {
  Two two;
  two.table->StartDialling(two.dialler);
  PlayedStream& one = two.Play(two.dialler->NextDial("one"));
  one.Say(HelloAck{1, IdentityOf(kOne)});
  one.Written();
  two.dialler->Clear();
  PlayedStream& three = From(&two, IdentityOf(kThree));
  two.table->SetMembers({{{.id = kTwo, .address = "two", .disk = {0, 2}}}});
  CHECK((one.open() && three.open()));
  for (const LinkState& state : two.table->links()) CHECK((state.up && !state.listed));
  for (uint64_t i = 0; i < 62; ++i) CHECK(From(&two, IdentityOf(ServerId{100 + i})).open());
  CHECK(From(&two, IdentityOf(kNine)).refused() == RefusalCode::kTooManyUnlisted);
  one.End(absl::UnavailableError("gone"));
  two.scheduler.RunFor(absl::Seconds(1));
  CHECK(HasNoDials(&two));
  CHECK(From(&two, IdentityOf(kOne), 2).open());  // with the smaller id: it dials now
}

TEST_CASE("more servers than the bound may leave the list: no link is cut for that") {
  Two two;
  std::vector<Member> members = Trio();
  for (uint64_t i = 0; i < 70; ++i) members.push_back({.id = ServerId{100 + i}, .type = kObserver});
  two.table->SetMembers(members);
  for (uint64_t i = 0; i < 70; ++i) From(&two, IdentityOf(ServerId{100 + i}));
  two.table->SetMembers(Trio());
  for (const auto& stream : two.streams) CHECK(stream->open());
  CHECK(From(&two, IdentityOf(kNine)).refused() == RefusalCode::kTooManyUnlisted);
}

TEST_CASE("a server that is promoted keeps its link, and when that is lost the larger id dials") {
  Two two;
  two.table->StartDialling(two.dialler);
  two.dialler->NextDial("one");
  two.dialler->NextKnock("three");
  PlayedStream& nine = From(&two, IdentityOf(kNine));
  std::vector<Member> members = Trio();
  members.push_back({.id = kNine, .address = "nine", .disk = {0, 9}});
  two.table->SetMembers(members);
  CHECK(nine.open());
  CHECK(two.table->links().back().listed);
  nine.End(absl::UnavailableError("gone"));
  two.dialler->NextKnock("nine");
}

TEST_CASE("this server is removed: its links stay, and it dials every voter from then on") {
  Two two;
  two.table->StartDialling(two.dialler);
  two.dialler->NextDial("one");
  two.dialler->NextKnock("three")(absl::OkStatus());
  PlayedStream& three = From(&two, IdentityOf(kThree, 5), 1);
  two.table->SetMembers({{{.id = kThree, .address = "three", .disk = kDisk3}}});
  CHECK(three.open());
  three.End(absl::UnavailableError("gone"));
  two.dialler->NextDial("three");
}

TEST_CASE("an attempt that is not due any more ends, and its answer gives no link") {
  Two two;
  two.table->StartDialling(two.dialler);
  PlayedStream& one = two.Play(two.dialler->NextDial("one"));
  two.table->SetMembers({{{.id = kTwo, .address = "two", .disk = {0, 2}}}});
  CHECK(one.closed() == StatusCode::kAborted);
  one.Say(HelloAck{1, IdentityOf(kOne)});
  CHECK(two.diary.lines().empty());
}

TEST_CASE("a snapshot is asked at the address that a server had in the list, or not at all") {
  Two two;
  two.table->StartDialling(two.dialler);
  From(&two, IdentityOf(kThree));
  From(&two, IdentityOf(kNine));
  two.table->SetMembers({});
  two.table->FetchSnapshot({kThree, 1, 1}, {}, [](auto, Hold) { return false; });
  two.dialler->NextFetch("three");
  absl::Status told;
  two.table->FetchSnapshot({kNine, 1, 1}, {}, [&](auto chunk, Hold) {
    told = chunk.status();
    return false;
  });
  two.scheduler.RunFor(absl::Seconds(1));
  CHECK(told == absl::UnavailableError("no address of server 9 is known"));
}

TEST_CASE("of servers that come and go under ever new ids no more are remembered than fit") {
  Two two;
  for (uint64_t i = 0; i < 3 * link::kBygonesMax; ++i) {
    PlayedStream& stream = From(&two, IdentityOf(ServerId{100 + i}));
    REQUIRE(stream.open());
    stream.End(absl::UnavailableError("gone"));
    two.scheduler.RunFor(absl::Milliseconds(1));
    two.streams.clear();
  }
  CHECK(two.table->known() <= link::kBygonesMax + 1);
  CHECK(two.table->links().size() == 2);
}

TEST_CASE("a list without this server, without addresses or with no server in it is taken") {
  Two two;
  two.table->StartDialling(two.dialler);
  two.dialler->NextDial("one");
  two.table->SetMembers({{{.id = kNoServer, .address = "nobody"},
                          {.id = kTwo},
                          {.id = kOne},
                          {.id = kOne, .address = ""},
                          {.id = kThree, .type = kObserver}}});
  CHECK(HasNoDials(&two));
  CHECK(From(&two, IdentityOf(kOne)).open());  // nobody can dial it
  two.table->SetMembers({});
  CHECK(two.table->links().size() == 1);
}

}  // namespace
}  // namespace zkq::testing
