// Who may be linked, who dials, and what replaces what: PROTOCOL 5.3, without
// gRPC, on streams that the test plays, in virtual time.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/link/handshake.h"
#include "lib/link/link_table.h"
#include "test/harness/catch.h"
#include "test/link/played.h"
#include "zkq/wire.h"

namespace zkq::testing {
namespace {

using absl::StatusCode;
using link::Describe;
using link::EncodePacket;
using link::Hello;
using link::HelloAck;
using link::KnownPeer;
using link::LinkPtr;
using link::RefusalCode;
using link::Refused;
using link::ToStatus;

// --- the rules alone ------------------------------------------------------------------

RefusalCode Judge(const Hello& hello, const KnownPeer& known = {.seat = {.voter = true}}) {
  return JudgeHello(IdentityOf(kTwo), hello, known).refusal;
}
constexpr RefusalCode kAdmitted{};

TEST_CASE("a handshake that breaks a rule is refused with the rule's code") {
  const Hello good = HelloOf(IdentityOf(kThree), 1);
  CHECK(Judge(good) == kAdmitted);

  Hello hello = good;
  hello.protocol_min = hello.protocol_max = link::kProtocolMax + 1;
  CHECK(Judge(hello) == RefusalCode::kVersion);
  hello.protocol_min = hello.protocol_max = link::kProtocolMin - 1;
  CHECK(Judge(hello) == RefusalCode::kVersion);

  hello = good;
  hello.from.ensemble = kTheirs;
  CHECK(Judge(hello) == RefusalCode::kForeignEnsemble);
  hello.from.ensemble = {};  // unfounded or amnesic
  CHECK(Judge(hello) == kAdmitted);

  hello = good;
  hello.from.election = "another";
  CHECK(Judge(hello) == RefusalCode::kElection);

  CHECK(Judge(HelloOf(IdentityOf(kTwo), 1)) == RefusalCode::kItself);
  CHECK(Judge(HelloOf(IdentityOf(kTwo, /*boot=*/9), 1)) == RefusalCode::kOwnId);
  hello = HelloOf(IdentityOf(kTwo), 1);
  hello.from.disk = kDisk3;
  CHECK(Judge(hello) == RefusalCode::kOwnId);
  CHECK(Judge(HelloOf(IdentityOf(kThree), 1, kOne)) == RefusalCode::kMeantAnother);
  CHECK(Judge(HelloOf(IdentityOf(kOne), 1)) == RefusalCode::kDialBack);
}

TEST_CASE("a peer with one protocol version in common is admitted") {
  Hello hello = HelloOf(IdentityOf(kThree), 1);
  hello.protocol_min = 0;
  hello.protocol_max = link::kProtocolMax + 7;
  CHECK(Judge(hello) == kAdmitted);
}

TEST_CASE("a live link is replaced only by what is newer by boot and then seq") {
  const KnownPeer known{
      .seat = {.voter = true}, .live = LinkId{kThree, 5, 10}, .live_disk = kDisk3};
  const auto judge = [&](uint64_t boot, uint64_t seq) {
    return Judge(HelloOf(IdentityOf(kThree, boot), seq), known);
  };
  CHECK(judge(5, 11) == kAdmitted);
  CHECK(judge(6, 1) == kAdmitted);
  CHECK(judge(5, 10) == RefusalCode::kOlder);
  CHECK(judge(5, 9) == RefusalCode::kOlder);
  CHECK(judge(4, 99) == RefusalCode::kOlder);
}

TEST_CASE("a second server with a live one's id is refused, and admitted once that one is gone") {
  Identity strange = IdentityOf(kThree, 9);
  strange.disk = kStrangeDisk;
  const KnownPeer live{.seat = {.voter = true, .disks = {kDisk3}},
                       .live = LinkId{kThree, 5, 10},
                       .live_disk = kDisk3};
  CHECK(Judge(HelloOf(strange, 1), live) == RefusalCode::kSecondDisk);
  CHECK(Judge(HelloOf(strange, 1), {.seat = {.voter = true}}) == kAdmitted);
}

TEST_CASE("an id on two disks is the later start's before founding, then the linked one's") {
  const KnownPeer live{.seat = {.voter = true}, .live = LinkId{kThree, 5, 10}, .live_disk = kDisk3};
  Identity emptied = IdentityOf(kThree, 9);
  emptied.disk = kStrangeDisk;
  emptied.ensemble = {};
  Identity unfounded = IdentityOf(kTwo);
  unfounded.ensemble = {};
  CHECK(JudgeHello(unfounded, HelloOf(emptied, 1), live).admitted());
  CHECK(Judge(HelloOf(emptied, 1), live) == RefusalCode::kSecondDisk);
  emptied.boot = 4;
  CHECK(JudgeHello(unfounded, HelloOf(emptied, 1), live).refusal == RefusalCode::kSecondDisk);
}

TEST_CASE("the listed disk takes its id back from another one, whatever the boots say") {
  const KnownPeer strange{.seat = {.voter = true, .disks = {kDisk3}},
                          .live = LinkId{kThree, 99, 1},
                          .live_disk = kStrangeDisk};
  CHECK(Judge(HelloOf(IdentityOf(kThree, 5), 1), strange) == kAdmitted);
  CHECK(link::TakesTheId(IdentityOf(kTwo), IdentityOf(kThree, 5), strange));
  CHECK_FALSE(link::TakesTheId(IdentityOf(kTwo), IdentityOf(kThree, 5),
                               {.seat = {.voter = true, .disks = {kDisk3}}}));
}

TEST_CASE("the smaller id may dial where it was dialled back in vain, while no link lives") {
  KnownPeer one{.seat = {.voter = true}, .unreachable = true};
  CHECK(JudgeKnock(IdentityOf(kTwo), IdentityOf(kOne), kTwo, one).refusal == RefusalCode::kDialMe);
  CHECK(Judge(HelloOf(IdentityOf(kOne), 1), one) == kAdmitted);
  one.live = LinkId{kOne, 1, 1};
  one.live_disk = kDisk1;
  CHECK(JudgeKnock(IdentityOf(kTwo), IdentityOf(kOne), kTwo, one).admitted());
  CHECK(Judge(HelloOf(IdentityOf(kOne), 2), one) == RefusalCode::kDialBack);
}

TEST_CASE("the larger id's link replaces one that the smaller id has dialled") {
  const KnownPeer three{.seat = {.voter = true},
                        .live = LinkId{kThree, 5, 10},
                        .live_disk = kDisk3,
                        .live_dialled = true};
  CHECK(Judge(HelloOf(IdentityOf(kThree, 5), 1), three) == kAdmitted);
  CHECK(Judge(HelloOf(IdentityOf(kThree, 4), 1), three) == RefusalCode::kOlder);
}

TEST_CASE("the dialler refuses an answer of another server, ensemble or version") {
  const Identity self = IdentityOf(kTwo);
  const HelloAck good{link::kProtocolMax, IdentityOf(kOne)};
  CHECK(JudgeAck(self, kOne, good, {}).admitted());
  HelloAck ack = good;
  ack.from.sid = kThree;
  CHECK(JudgeAck(self, kOne, ack, {}).refusal == RefusalCode::kMeantAnother);
  ack = good;
  ack.from.ensemble = kTheirs;
  CHECK(JudgeAck(self, kOne, ack, {}).refusal == RefusalCode::kForeignEnsemble);
  ack = good;
  ack.from.election = "another\n";
  const link::Judgement other = JudgeAck(self, kOne, ack, {});
  CHECK(other.refusal == RefusalCode::kElection);
  CHECK(other.detail == "it elects by \"another\\n\", this server by \"\"");
  ack = good;
  ack.protocol = link::kProtocolMax + 1;
  CHECK(JudgeAck(self, kOne, ack, {}).refusal == RefusalCode::kVersion);
}

TEST_CASE("a refusal's status comes back as the refusal, and one of a newer peer as none") {
  for (RefusalCode code = RefusalCode::kMalformed; code <= RefusalCode::kSameDisk;
       code = static_cast<RefusalCode>(static_cast<int>(code) + 1)) {
    const absl::Status status = ToStatus({code, kTwo});
    CAPTURE(status.ToString());
    CHECK(status.code() != StatusCode::kUnknown);
    CHECK(status.message() == "server 2: " + std::string(ToString(code)));
    CHECK(link::RefusedIn(status) == Refused{code, kTwo});
  }
  const RefusalCode newer = static_cast<RefusalCode>(static_cast<int>(RefusalCode::kSameDisk) + 1);
  CHECK_FALSE(link::RefusedIn(ToStatus({newer, kTwo})).has_value());
  CHECK_FALSE(link::RefusedIn(absl::AbortedError("dropped")).has_value());
}

// --- the table on played streams ----------------------------------------------------------

RefusalCode RefusalIn(const absl::Status& status) {
  const std::optional<Refused> refused = link::RefusedIn(status);
  REQUIRE(refused.has_value() == !status.ok());
  return refused ? refused->code : kAdmitted;
}

TEST_CASE("the larger id dials, the smaller knocks, until there is a link") {
  Two two;
  two.table->StartDialling(two.dialler);
  for (int i = 0; i < 3; ++i) {
    two.dialler->NextDial("one")->OnEnded(absl::UnavailableError("nobody there"));
    two.dialler->NextKnock("three")(absl::UnavailableError("nobody there"));
  }
  two.Play(two.dialler->NextDial("one")).Say(HelloAck{1, IdentityOf(kOne, 8)});
  CHECK(two.diary.lines().size() == 1);
  CHECK(two.diary.lines().front().substr(0, 6) == "up 1.8");
}

TEST_CASE("no two links of a pair of servers have one id, whichever end has dialled them") {
  Two two;
  two.table->StartDialling(two.dialler);
  two.Play(two.dialler->NextDial("one")).Say(HelloAck{1, IdentityOf(kOne, 8)});
  two.dialler->NextKnock("three")(ToStatus({RefusalCode::kDialMe, kThree}));
  two.Play(two.dialler->NextDial("three")).Say(HelloAck{1, IdentityOf(kThree, 5)});
  CHECK(two.diary.Holds({"up 1.8.1", "up 3.5.4"}));  // odd of the larger id, even of the smaller
}

TEST_CASE("a newer link replaces the live one: down comes before up") {
  Two two;
  PlayedStream& old = two.FromThree(5, 10);
  REQUIRE(two.diary.Holds({"up 3.5.10"}));
  PlayedStream& twin = two.Accept();
  twin.Say(HelloOf(IdentityOf(kThree, 5), 10));
  CHECK(twin.refused() == RefusalCode::kOlder);
  CHECK(old.open());
  two.FromThree(5, 11);
  CHECK(old.closed() == StatusCode::kAborted);
  CHECK(two.diary.Holds({"up 3.5.10", "down 3.5.10", "up 3.5.11"}));
}

TEST_CASE("a peer with an older boot id is linked once the newer link is down") {
  Two two;
  two.FromThree(5, 10);
  two.table->DropLink({kThree, 5, 10});
  two.FromThree(4, 1);
  CHECK(two.diary.Holds({"up 3.5.10", "down 3.5.10", "up 3.4.1"}));
}

TEST_CASE("a second server with a live one's id does not push it out") {
  Two two;
  PlayedStream& healthy = two.FromThree(5, 10);
  Identity second = IdentityOf(kThree, 99);
  second.disk = kStrangeDisk;
  PlayedStream& stream = two.Accept();
  stream.Say(HelloOf(second, 1));
  CHECK(stream.refused() == RefusalCode::kSecondDisk);
  CHECK(healthy.open());
  two.table->DropLink({kThree, 5, 10});
  PlayedStream& again = two.Accept();
  again.Say(HelloOf(second, 2));
  CHECK(again.open());  // it is to learn that it is amnesic
  CHECK(two.diary.Holds({"up 3.5.10", "down 3.5.10", "up 3.99.2"}));
  two.FromThree(6, 1);  // the listed disk is back, with a smaller boot
  CHECK(again.closed() == StatusCode::kAborted);
}

TEST_CASE("the addresses of a server are tried in turn, and the one that answered is kept") {
  Two two;
  two.table->SetMembers({{{.id = kOne, .address = "agreed"},
                          {.id = kTwo, .address = "two"},
                          {.id = kOne, .address = "spare"}}});
  two.table->StartDialling(two.dialler);
  two.dialler->NextDial("agreed")->OnEnded(absl::UnavailableError("nobody there"));
  two.Play(two.dialler->NextDial("spare")).Say(HelloAck{1, IdentityOf(kOne, 8)});
  CHECK(two.table->AddressOf(kOne) == "spare");
  two.table->DropLink({kOne, 8, 3});  // the second that was dialled
  two.dialler->NextDial("spare")->OnEnded(absl::UnavailableError("gone"));
  two.dialler->NextDial("agreed");
}

TEST_CASE("a knock leaves a healthy link alone, and a later life of its peer ends it") {
  Two two;
  two.table->StartDialling(two.dialler);
  PlayedStream& stream = two.Play(two.dialler->NextDial("one"));
  stream.Say(HelloAck{1, IdentityOf(kOne, 8)});
  stream.Written();
  CHECK(two.table->OnKnock(IdentityOf(kOne, 8), kTwo).ok());
  CHECK(two.table->OnKnock(IdentityOf(kOne, 7), kTwo).ok());
  CHECK(stream.open());
  Identity second = IdentityOf(kOne, 99);
  second.disk = kStrangeDisk;
  CHECK(RefusalIn(two.table->OnKnock(second, kTwo)) == RefusalCode::kSecondDisk);
  CHECK(stream.open());
  CHECK(two.table->OnKnock(IdentityOf(kOne, 9), kTwo).ok());
  CHECK(stream.closed() == StatusCode::kAborted);
  two.dialler->NextDial("one");
}

TEST_CASE("after three dial-backs in vain the smaller id is told to dial, and is admitted") {
  Two two;
  two.table->StartDialling(two.dialler);
  two.dialler->NextDial("one")->OnEnded(absl::UnavailableError("nobody there"));
  for (int i = 0; i < 3; ++i) {
    CHECK(two.table->OnKnock(IdentityOf(kOne), kTwo).ok());
    two.dialler->NextDial("one")->OnEnded(absl::UnavailableError("nobody there"));
  }
  CHECK(RefusalIn(two.table->OnKnock(IdentityOf(kOne), kTwo)) == RefusalCode::kDialMe);
  const LinkPtr under_way = two.dialler->NextDial("one");
  PlayedStream& stream = two.Accept();
  stream.Say(HelloOf(IdentityOf(kOne), 7));
  stream.Written();
  CHECK(stream.open());
  CHECK(two.Play(under_way).closed() == StatusCode::kAborted);
  CHECK(two.diary.Holds({"up 1.1.7"}));
}

TEST_CASE("a peer that refuses is reached, and may not dial") {
  Two two;
  two.table->StartDialling(two.dialler);
  two.dialler->NextDial("one")->OnEnded(ToStatus({RefusalCode::kShutDown, kOne}));
  for (int i = 0; i < 4; ++i) {
    CHECK(two.table->OnKnock(IdentityOf(kOne), kTwo).ok());
    two.dialler->NextDial("one")->OnEnded(ToStatus({RefusalCode::kShutDown, kOne}));
  }
}

TEST_CASE("a dial-back that cannot be tried here says nothing of the peer") {
  Two two;
  two.table->StartDialling(two.dialler);
  two.dialler->NextDial("one")->OnEnded(absl::UnavailableError("nobody there"));
  two.dialler->has_threads = false;
  for (int i = 0; i < 5; ++i) {
    CHECK(two.table->OnKnock(IdentityOf(kOne), kTwo).ok());
    two.scheduler.RunFor(absl::Seconds(1));
  }
  CHECK(two.table->links()[0].error == absl::ResourceExhaustedError("no thread is free to dial"));
  two.dialler->has_threads = true;
  two.dialler->NextDial("one");
}

TEST_CASE("who knocks and is told to dial does so once, and gives way to the larger id's link") {
  Two two;
  two.table->StartDialling(two.dialler);
  two.dialler->NextKnock("three")(ToStatus({RefusalCode::kDialMe, kThree}));
  two.dialler->NextDial("one");
  two.dialler->NextDial("three")->OnEnded(absl::UnavailableError("nobody there"));
  two.dialler->NextKnock("three")(ToStatus({RefusalCode::kDialMe, kThree}));
  PlayedStream& own = two.Play(two.dialler->NextDial("three"));
  own.Say(HelloAck{1, IdentityOf(kThree, 5)});
  own.Written();
  REQUIRE(two.diary.Holds({"up 3.5.6"}));
  two.FromThree(5, 1);
  CHECK(own.closed() == StatusCode::kAborted);
  CHECK(two.diary.Holds({"up 3.5.6", "down 3.5.6", "up 3.5.1"}));
}

TEST_CASE("a knock that breaks a rule is refused with the rule's code") {
  Two two;
  const auto knock = [&](const std::optional<Identity>& from, ServerId to = kTwo) {
    return RefusalIn(two.table->OnKnock(from, to));
  };
  CHECK(knock(IdentityOf(kOne)) == kAdmitted);
  CHECK(knock(std::nullopt) == RefusalCode::kMalformed);
  CHECK(knock(IdentityOf(ServerId{77})) == RefusalCode::kDialMe);
  CHECK(knock(IdentityOf(kOne), kThree) == RefusalCode::kMeantAnother);
  CHECK(knock(IdentityOf(kTwo)) == RefusalCode::kItself);
  CHECK(knock(IdentityOf(kTwo, /*boot=*/9)) == RefusalCode::kOwnId);
  CHECK(knock(IdentityOf(kThree)) == RefusalCode::kWrongWay);
  Identity from = IdentityOf(kOne);
  from.ensemble = kTheirs;
  CHECK(knock(from) == RefusalCode::kForeignEnsemble);
}

// What an answer tells of who gives it: that is how membership is proved.
bool Tells(const std::string& answer, const Identity& identity) {
  return answer.find(ToString(identity.disk)) != std::string::npos ||
         answer.find(ToString(identity.ensemble)) != std::string::npos ||
         answer.find(std::to_string(identity.boot)) != std::string::npos;
}

TEST_CASE("a refused peer hears nothing that proves membership, and the log names both servers") {
  Two two(IdentityOf(kTwo, 23232323));
  Identity foreign = IdentityOf(kThree, 17171717);
  foreign.ensemble = kTheirs;
  PlayedStream& stream = two.Accept();
  stream.Say(HelloOf(foreign, 1));
  CHECK(stream.refused() == RefusalCode::kForeignEnsemble);
  CHECK(stream.told().find("server 2: another ensemble") != std::string::npos);
  CHECK_FALSE(Tells(stream.told(), two.table->self()));
  REQUIRE(two.log->lines().size() == 1);
  const std::string line = two.log->lines().front();
  for (const Identity& side : {foreign, two.table->self()}) {
    CHECK(line.find(Describe(side)) != std::string::npos);
  }

  PlayedStream& older = two.FromThree(30303030, 10);
  PlayedStream& twin = two.Accept();
  twin.Say(HelloOf(IdentityOf(kThree, 5), 10));
  CHECK(twin.refused() == RefusalCode::kOlder);
  CHECK(twin.told().find("30303030") == std::string::npos);  // who is linked
  CHECK(older.open());
}

TEST_CASE("an admitted peer hears the whole identity, founded or not") {
  Two two;
  Identity unfounded = IdentityOf(kThree);
  unfounded.ensemble = {};
  PlayedStream& stream = two.Accept();
  stream.Say(HelloOf(unfounded, 1));
  REQUIRE(stream.written().size() == 1);
  CHECK(std::get<HelloAck>(stream.written()[0].body).from == two.table->self());
}

TEST_CASE("the log of a refused dialler names the address, the server there and itself") {
  Two two;
  two.table->StartDialling(two.dialler);
  two.dialler->NextDial("one")->OnEnded(ToStatus({RefusalCode::kMeantAnother, kThree}));
  CHECK(two.log->named(Line::kRefusedByPeer) ==
        std::vector<std::string>{Describe(IdentityOf(kTwo)) +
                                 " refused at one, the address of server 1, by server 3: "
                                 "another server is meant"});
}

TEST_CASE("what is no refusal of zkq's is logged as it came, in one line") {
  Two two;
  two.table->StartDialling(two.dialler);
  two.dialler->NextDial("one")->OnEnded(absl::PermissionDeniedError("by\na proxy"));
  CHECK(two.log->named(Line::kRefusedByPeer) ==
        std::vector<std::string>{Describe(IdentityOf(kTwo)) +
                                 " refused at one, the address of server 1: "
                                 "PERMISSION_DENIED: by\\na proxy"});
}

TEST_CASE("a peer that dials although we should is refused, and dialled") {
  Two two;
  two.table->StartDialling(two.dialler);
  two.dialler->NextDial("one")->OnEnded(absl::UnavailableError("not yet"));
  PlayedStream& stream = two.Accept();
  stream.Say(HelloOf(IdentityOf(kOne), 1));
  CHECK(stream.refused() == RefusalCode::kDialBack);
  two.dialler->NextDial("one");
}

TEST_CASE("an answer from another server than the one dialled gives no link") {
  Two two;
  two.table->StartDialling(two.dialler);
  PlayedStream& stream = two.Play(two.dialler->NextDial("one"));
  stream.Say(HelloAck{1, IdentityOf(kThree)});
  CHECK(stream.closed() == StatusCode::kFailedPrecondition);
  CHECK(two.diary.lines().empty());
  two.dialler->NextDial("one");
}

TEST_CASE("a stream begins with its half of the handshake, and has it once") {
  Two two;
  PlayedStream& mute = two.Accept();
  mute.Say(Message{.body = Ack{}});
  CHECK(mute.refused() == RefusalCode::kMalformed);
  PlayedStream& confused = two.Accept();
  confused.Say(HelloAck{1, IdentityOf(kThree)});
  CHECK(confused.refused() == RefusalCode::kMalformed);
  CHECK(two.diary.lines().empty());
  PlayedStream& twice = two.FromThree(1, 1);
  twice.Say(HelloAck{1, IdentityOf(kThree)}, 2);
  CHECK(twice.closed() != StatusCode::kOk);
  CHECK(two.diary.Holds({"up 3.1.1", "down 3.1.1"}));
}

TEST_CASE("a gap in a lane takes the link down") {
  Two two;
  PlayedStream& stream = two.FromThree(1, 1);
  stream.Say(Message{.body = Ack{{1, 1}}}, 1);
  stream.Say(Message{.body = Ack{{1, 3}}}, 3);
  CHECK(stream.closed() == StatusCode::kDataLoss);
  CHECK(two.diary.Holds({"up 3.1.1", "message 3.1.1 ack 1:1", "down 3.1.1"}));
}

TEST_CASE("a handshake may take as long as the tick allows, and no longer") {
  CHECK(link::HandshakeLimit(Ticking(kTwo)) == absl::Milliseconds(500));
  CHECK(link::HandshakeLimit(Ticking(kTwo, std::chrono::seconds(3))) == absl::Seconds(5));
  CHECK(link::HandshakeLimit(IdentityOf(kTwo)) == absl::Seconds(5));  // it has no tick
  Two two(Ticking(kTwo));
  PlayedStream& mute = two.Accept();
  two.scheduler.RunFor(absl::Milliseconds(499));
  CHECK(mute.open());
  CHECK(mute.refused() == RefusalCode::kTooSlow);
  two.table->StartDialling(two.dialler);
  PlayedStream& dialled = two.Play(two.dialler->NextDial("one"));
  two.scheduler.RunFor(absl::Milliseconds(999));  // to connect, and to answer
  CHECK(dialled.open());
  CHECK(dialled.closed() == StatusCode::kDeadlineExceeded);
  two.dialler->NextDial("one");
}

// Server 1 answers server 2 after `round_trip`.
void Answer(Two* two, absl::Duration round_trip) {
  PlayedStream& stream = two->Play(two->dialler->NextDial("one"));
  two->scheduler.RunFor(round_trip);  // to connect
  stream.Written();                   // Hello
  two->scheduler.RunFor(round_trip);
  stream.Say(HelloAck{1, Ticking(kOne)});
}

TEST_CASE("an ocean apart servers are linked, and the log says if the tick is too small for it") {
  Two far(Ticking(kTwo, std::chrono::milliseconds(500)));
  far.table->StartDialling(far.dialler);
  Answer(&far, absl::Milliseconds(400));
  CHECK(far.diary.lines().size() == 1);
  CHECK(far.log->warnings().empty());
  Two hasty(Ticking(kTwo));
  hasty.table->StartDialling(hasty.dialler);
  Answer(&hasty, absl::Milliseconds(400));
  CHECK(hasty.diary.lines().size() == 1);
  CHECK(hasty.log->named(Line::kPeerFar) ==
        std::vector<std::string>{"server 1 answers after 400ms: a tick of 100ms is too small for "
                                 "that, 160ms would do"});
}

// How long until server 2 dials server 1 again after its attempt has ended so.
absl::Duration RedialsAfter(Two* two, absl::Status status) {
  two->dialler->NextDial("one")->OnEnded(std::move(status));
  const absl::Duration ended = two->scheduler.now();
  LinkPtr next = two->dialler->NextDial("one");
  const absl::Duration passed = two->scheduler.now() - ended;
  next->OnEnded(absl::UnavailableError("nobody there"));
  return passed;
}

TEST_CASE("an attempt that was refused is repeated as soon as one that found nobody") {
  for (const absl::Status& status :
       {absl::UnavailableError("nobody there"), ToStatus({RefusalCode::kNotAMember, kOne})}) {
    Two two;
    two.table->StartDialling(two.dialler);
    CHECK(RedialsAfter(&two, status) < absl::Milliseconds(61));
  }
}

TEST_CASE("a server that enters looking tries its peers at once") {
  Two two;
  two.table->StartDialling(two.dialler);
  for (int i = 0; i < 6; ++i) two.dialler->NextDial("one")->OnEnded(absl::UnavailableError("no"));
  const absl::Duration now = two.scheduler.now();
  two.table->Notify(kOne, {.state = PeerState::kFollowing, .look_seq = 1});
  two.table->Notify(kOne, {.state = PeerState::kLooking, .look_seq = 2});
  two.dialler->NextDial("one")->OnEnded(absl::UnavailableError("no"));
  CHECK(two.scheduler.now() == now);
  two.table->Notify(kOne, {.state = PeerState::kLooking, .look_seq = 2});  // the same look
  two.dialler->NextDial("one");
  CHECK(two.scheduler.now() > now);
}

TEST_CASE("a server with a new address is tried there at once, and may not dial for the old one") {
  Two two;
  two.table->StartDialling(two.dialler);
  two.dialler->NextDial("one")->OnEnded(absl::UnavailableError("no"));
  for (int i = 0; i < 3; ++i) {
    CHECK(two.table->OnKnock(IdentityOf(kOne), kTwo).ok());
    two.dialler->NextDial("one")->OnEnded(absl::UnavailableError("no"));
  }
  two.dialler->NextDial("one")->OnEnded(absl::UnavailableError("no"));
  const absl::Duration now = two.scheduler.now();
  two.table->SetMembers({{{.id = kOne, .address = "moved"}, {.id = kTwo, .address = "two"}}});
  two.dialler->NextDial("moved")->OnEnded(absl::UnavailableError("no"));
  CHECK(two.scheduler.now() == now);
  CHECK(two.table->OnKnock(IdentityOf(kOne), kTwo).ok());
}

TEST_CASE("a link lost after two ticks is dialled again at once, a younger one later") {
  Two two(Ticking(kTwo));
  two.table->StartDialling(two.dialler);
  for (const int age : {199, 200}) {
    PlayedStream& stream = two.Play(two.dialler->NextDial("one"));
    stream.Say(HelloAck{1, Ticking(kOne)});
    two.scheduler.RunFor(absl::Milliseconds(age));
    stream.End(absl::UnavailableError("gone"));
    const absl::Duration lost = two.scheduler.now();
    two.scheduler.RunFor(absl::Milliseconds(1));
    CAPTURE(age, lost);
    CHECK(two.dialler->has_dials() == (age == 200));
  }
}

// Its attempt lasts, and the others are linked meanwhile.
TEST_CASE("ZK-2164, ZK-3756, ZK-4220: a peer that never answers holds up no other") {
  Two two;
  two.table->StartDialling(two.dialler);
  PlayedStream& mute = two.Play(two.dialler->NextDial("one"));
  two.dialler->NextKnock("three")(absl::OkStatus());
  two.FromThree(5, 10).Say(Message{.body = Ack{{1, 1}}});
  CHECK(two.diary.Holds({"up 3.5.10", "message 3.5.10 ack 1:1"}));
  CHECK(mute.open());
}

TEST_CASE("streams without a handshake are bounded, and linked ones do not count") {
  Two two;
  for (uint64_t seq = 1; seq <= 3; ++seq) two.FromThree(1, seq);
  for (size_t i = 0; i < link::kStrangersMax; ++i) two.Accept();
  CHECK(RefusalIn(two.table->Accept().status()) == RefusalCode::kTooMany);
  two.streams.back()->Say(HelloOf(IdentityOf(kThree), 4));
  CHECK(two.table->Accept().ok());
}

TEST_CASE("a new link begins with the newest announcement, and with no older one") {
  Two two;
  two.table->Notify(kOne, {.round = 1});
  two.table->Notify(kOne, {.round = 2});
  two.table->StartDialling(two.dialler);
  const LinkPtr link = two.dialler->NextDial("one");
  PlayedStream& stream = two.Play(link);
  stream.Written();  // Hello
  stream.Say(HelloAck{1, IdentityOf(kOne, 8)});
  CHECK(two.diary.Holds({"up 1.8.1"}));
  REQUIRE(stream.written().size() == 1);
  CHECK(std::get<Notification>(stream.written()[0].body).round == 2);
}

TEST_CASE("after SetIdentity every live link is told, and stays") {
  Two two;
  two.table->StartDialling(two.dialler);
  PlayedStream& dialled = two.Play(two.dialler->NextDial("one"));
  dialled.Written();  // Hello
  dialled.Say(HelloAck{1, IdentityOf(kOne, 8)});
  dialled.Written();  // the word after it
  PlayedStream& accepted = two.FromThree(5, 10);
  Identity identity = IdentityOf(kTwo);
  identity.config = {7, 7};
  two.table->SetIdentity(IdentityOf(kTwo));  // the same: nothing
  CHECK(dialled.open());
  two.table->SetIdentity(identity);
  for (PlayedStream* stream : {&dialled, &accepted}) {
    CHECK(stream->open());
    const Hello told = std::get<Hello>(stream->written().back().body);
    CHECK(told.from == identity);
  }
}

TEST_CASE("a peer that says who it has become is passed on, and one of another ensemble dropped") {
  Two two;
  PlayedStream& stream = two.FromThree(5, 10);
  Identity three = IdentityOf(kThree, 5);
  three.config = {7, 7};
  stream.Say(HelloOf(three, 10), 2);
  CHECK(two.diary.lines().back() == "introduced 3.5.10 " + ToString(three.ensemble));
  CHECK(stream.open());
  three.ensemble = kTheirs;
  stream.Say(HelloOf(three, 10), 3);
  CHECK(stream.closed() == StatusCode::kFailedPrecondition);
  CHECK(two.diary.lines().back() == "down 3.5.10");
}

TEST_CASE("a peer that says it has another disk now loses its link") {
  Two two;
  PlayedStream& stream = two.FromThree(5, 10);
  Identity three = IdentityOf(kThree, 5);
  three.disk = kStrangeDisk;
  stream.Say(HelloOf(three, 10), 2);
  CHECK(stream.closed() == StatusCode::kAlreadyExists);
}

TEST_CASE("a peer that says it has become another process loses its link") {
  Two two;
  PlayedStream& stream = two.FromThree(5, 10);
  stream.Say(HelloOf(IdentityOf(kThree, 6), 10), 2);
  CHECK(stream.closed() == StatusCode::kAlreadyExists);
}

TEST_CASE("an attempt begun before SetIdentity gives no link") {
  Two two;
  two.table->StartDialling(two.dialler);
  PlayedStream& old = two.Play(two.dialler->NextDial("one"));
  Identity identity = IdentityOf(kTwo);
  identity.config = {7, 7};
  two.table->SetIdentity(identity);
  old.Say(HelloAck{1, IdentityOf(kOne, 8)});
  CHECK(old.closed() == StatusCode::kAborted);
  CHECK(two.diary.lines().empty());
  two.Play(two.dialler->NextDial("one")).Say(HelloAck{1, IdentityOf(kOne, 8)});
  CHECK(two.diary.lines().size() == 1);
}

}  // namespace
}  // namespace zkq::testing
