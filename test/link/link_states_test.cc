// How a server stands with each other one, as links() tells it: on streams that the test plays,
// in virtual time.
#include <string>
#include <vector>

#include "lib/base/absl/string_view.h"
#include "test/harness/catch.h"
#include "test/link/played.h"

namespace zkq::testing {
namespace {

using absl::Milliseconds;
using absl::StatusCode;
using link::HelloAck;
using link::RefusalCode;
using link::ToStatus;

// One line a server: "1 down for 10ms UNAVAILABLE: nobody there".
std::vector<std::string> Told(const Two& two) {
  std::vector<std::string> lines;
  for (const LinkState& state : two.table->links()) {
    std::string line = ToString(state.id) + (state.up ? " up for " : " down for ");
    line += absl::FormatDuration(two.scheduler.now() - state.since);
    if (state.round_trip) line += ", round trip " + absl::FormatDuration(*state.round_trip);
    if (!state.error.ok()) line += " " + state.error.ToString();
    lines.push_back(line);
  }
  return lines;
}

// That of server `sid`, 1 or 3.
LinkState StateOf(const Two& two, ServerId sid) {
  const std::vector<LinkState> states = two.table->links();
  REQUIRE(states.size() == 2);
  return states[sid == kOne ? 0 : 1];
}
std::string WhyNot(const Two& two, ServerId sid) { return StateOf(two, sid).error.ToString(); }

TEST_CASE("what has not been tried is told as such, and who of the two dials") {
  Two two;
  CHECK(Told(two) == std::vector<std::string>{
                         "1 down for 0 UNAVAILABLE: not dialled yet",
                         "3 down for 0 UNAVAILABLE: not dialled from here: server 3 dials, and "
                         "has not been heard"});
}

TEST_CASE("a link that is down has the reason of the newest attempt, and since when it is") {
  Two two(Ticking(kTwo));
  two.table->StartDialling(two.dialler);
  two.scheduler.RunFor(Milliseconds(10));
  two.dialler->NextDial("one")->OnEnded(absl::UnavailableError("no such name: one"));
  CHECK(Told(two)[0] == "1 down for 10ms UNAVAILABLE: no such name: one");
  two.dialler->NextDial("one")->OnEnded(ToStatus({RefusalCode::kNotAMember, kOne}));
  CHECK(WhyNot(two, kOne) == "PERMISSION_DENIED: refused by server 1: not a member");
  two.dialler->NextDial("one");
  two.dialler->NextDial("one");  // the one before was too late
  CHECK(WhyNot(two, kOne) ==
        "DEADLINE_EXCEEDED: no answer from one within 1s (down, cut off, or too far for a tick of "
        "100ms)");
}

TEST_CASE("the end that does not dial has a reason as well") {
  Two two(Ticking(kTwo));
  two.table->StartDialling(two.dialler);
  two.dialler->NextKnock("three")(absl::UnavailableError("connection refused by 10.0.0.3:7003"));
  CHECK(WhyNot(two, kThree) == "UNAVAILABLE: connection refused by 10.0.0.3:7003");
  two.dialler->NextKnock("three")(absl::OkStatus());
  CHECK(WhyNot(two, kThree) ==
        "UNAVAILABLE: not dialled from here: server 3 was asked to dial two, and has not reached "
        "it");
  two.dialler->NextKnock("three")(absl::DeadlineExceededError("Deadline Exceeded"));
  CHECK(
      WhyNot(two, kThree) ==
      "DEADLINE_EXCEEDED: no answer from three within 1s (down, cut off, or too far for a tick of "
      "100ms)");
  two.dialler->NextKnock("three")(ToStatus({RefusalCode::kForeignEnsemble, kThree}));
  CHECK(WhyNot(two, kThree) == "FAILED_PRECONDITION: refused by server 3: another ensemble");
}

TEST_CASE("a refusal by this server is a reason, unless the one it refuses is linked") {
  Two two;
  Identity foreign = IdentityOf(kThree);
  foreign.ensemble = kTheirs;
  two.Accept().Say(HelloOf(foreign, 1));
  CHECK(WhyNot(two, kThree) == "FAILED_PRECONDITION: refused here: another ensemble");
  two.FromThree(1, 1);
  two.Accept().Say(HelloOf(foreign, 2));
  CHECK(StateOf(two, kThree).up);
  CHECK(StateOf(two, kThree).error.ok());
}

TEST_CASE("a server that answers at another one's address is named") {
  Two two;
  two.table->StartDialling(two.dialler);
  two.Play(two.dialler->NextDial("one")).Say(HelloAck{1, IdentityOf(kThree)});
  CHECK(WhyNot(two, kOne) == "FAILED_PRECONDITION: server 3 answers at the address of server 1");
}

TEST_CASE("what a peer says in words of its own is escaped and cut") {
  Two two;
  two.table->StartDialling(two.dialler);
  const std::string words = "by\na proxy" + std::string(1 << 12, '.');
  two.dialler->NextDial("one")->OnEnded(absl::UnimplementedError(words));
  const LinkState state = StateOf(two, kOne);
  CHECK(state.error.code() == StatusCode::kUnimplemented);
  CHECK(state.error.message().size() == link::kShownMax + 1);
  CHECK(FromAbsl(state.error.message()).starts_with("by\\na proxy..."));
}

TEST_CASE("a link that is up is told with its age and round trip, at both ends") {
  Two two;
  two.table->StartDialling(two.dialler);
  PlayedStream& dialled = two.Play(two.dialler->NextDial("one"));
  two.scheduler.RunFor(Milliseconds(5));  // to connect
  dialled.Written();                      // Hello
  two.scheduler.RunFor(Milliseconds(7));
  dialled.Say(HelloAck{1, IdentityOf(kOne)});
  PlayedStream& accepted = two.FromThree(1, 10);
  two.scheduler.RunFor(Milliseconds(9));
  CHECK(Told(two) == std::vector<std::string>{"1 up for 9ms, round trip 7ms", "3 up for 9ms"});
  accepted.Say(std::string());
  two.scheduler.RunFor(Milliseconds(11));
  dialled.Say(std::string());
  accepted.Say(std::string());
  CHECK(Told(two) ==
        std::vector<std::string>{"1 up for 20ms, round trip 7ms", "3 up for 20ms, round trip 9ms"});
}

TEST_CASE(
    "who has dialled says a word as soon as it is linked, so that the other end can measure") {
  Two two;
  two.table->StartDialling(two.dialler);
  PlayedStream& stream = two.Play(two.dialler->NextDial("one"));
  SECTION("when the handshake has been written") {
    stream.Written();
    stream.Say(HelloAck{1, IdentityOf(kOne)});
  }
  SECTION("also where the answer overtakes the news of that") {
    stream.Say(HelloAck{1, IdentityOf(kOne)});
    CHECK(stream.writes() == 1);
    stream.Written();
  }
  CHECK(stream.writes() == 2);
  CHECK(stream.written_frame().empty());
  stream.Written();
  CHECK(stream.writes() == 2);
}

TEST_CASE("a link that was lost is told with its end's reason, and its round trip") {
  Two two;
  PlayedStream& stream = two.FromThree(1, 10);
  two.scheduler.RunFor(Milliseconds(2));
  stream.Say(std::string());
  two.scheduler.RunFor(Milliseconds(100));
  stream.End(absl::UnavailableError("the peer is gone"));
  two.scheduler.RunFor(Milliseconds(30));
  CHECK(Told(two)[1] == "3 down for 30ms, round trip 2ms UNAVAILABLE: the peer is gone");
}

TEST_CASE("who ends a link tells the other end so, with the reason") {
  Two two(Ticking(kTwo));
  PlayedStream& stream = two.FromThree(1, 10);
  CHECK(stream.told() == "UNAVAILABLE: ended by server 2: silent for 1s");
  CHECK(WhyNot(two, kThree) == "UNAVAILABLE: silent for 1s");
}

TEST_CASE("servers are told as long as they are members, and anew when they are again") {
  Two two;
  two.scheduler.RunFor(Milliseconds(10));
  two.table->SetMembers({{{.id = kTwo, .address = "two"}, {.id = kThree, .address = "three"}}});
  CHECK(Told(two).size() == 1);
  two.scheduler.RunFor(Milliseconds(10));
  two.table->SetMembers({{{.id = kOne, .address = "one"}, {.id = kThree, .address = "three"}}});
  CHECK(Told(two)[0] == "1 down for 0 UNAVAILABLE: not dialled yet");
  CHECK(StateOf(two, kThree).since == absl::ZeroDuration());
}

TEST_CASE("members that are listed before the start are told from the start on") {
  SimScheduler scheduler{1};
  scheduler.RunFor(Milliseconds(10));
  Diary diary(&scheduler);
  const auto table = std::make_shared<link::LinkTable>(link::TableOptions{});
  table->SetMembers({{{.id = kOne, .address = "one"}}});
  table->Start({.clock = std::make_shared<SimClock>(&scheduler),
                .executor = std::make_shared<SimExecutor>(&scheduler),
                .random = std::make_shared<SimRandom>(1)},
               IdentityOf(kTwo), &diary);
  REQUIRE(table->links().size() == 1);
  CHECK(table->links()[0].since == Milliseconds(10));
  table->Shutdown();
}

}  // namespace
}  // namespace zkq::testing
