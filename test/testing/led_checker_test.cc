// LedChecker: when nobody, or another one, leads although nothing keeps anybody from it
// (PROTOCOL §12, LIV-1 and 4).
#include "lib/testing/checks/led_checker.h"

#include "test/harness/catch.h"
#include "test/testing/founders.h"

namespace zkq::testing {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(100);
// After a start: 100 ticks, and 8 round trips of 10 ms.
const absl::Duration kLed = 100 * kTick + 8 * absl::Milliseconds(10);

void AddVoters(LedChecker::View* view, int servers) {
  for (int id = 1; id <= servers; ++id) {
    view->voters[ServerId(id)] = {.life = 1,
                                  .disk = FirstDiskOf(ServerId(id)),
                                  .configs = {.committed = FoundersOf(servers)}};
  }
}

// Three voters with equal histories, all linked, of which nobody leads.
LedChecker::View Three() {
  LedChecker::View view{.tick = kTick, .round_trip = absl::Milliseconds(10)};
  AddVoters(&view, 3);
  view.links = {{ServerId(1), ServerId(2)}, {ServerId(1), ServerId(3)}, {ServerId(2), ServerId(3)}};
  return view;
}

// The first look at a world is its last change.
std::optional<Violation> AfterLong(LedChecker* led, const LedChecker::View& view) {
  if (auto early = led->OnLook(view, absl::ZeroDuration())) return early;
  return led->OnLook(view, kLed);
}

TEST_CASE("led checker: a quorum that nobody leads is progress that is missing") {
  LedChecker led;
  const auto violation = AfterLong(&led, Three());
  REQUIRE(violation);
  CHECK(violation->property == "LIV-1 progress");
}

TEST_CASE("led checker: nothing is asked before its time, after a change or a start") {
  LedChecker led;
  auto view = Three();
  CHECK(!led.OnLook(view, absl::ZeroDuration()));
  CHECK(!led.OnLook(view, kLed - absl::Milliseconds(1)));
  view.links.erase({ServerId(1), ServerId(3)});
  CHECK(!led.OnLook(view, kLed));
  CHECK(!led.OnLook(view, kLed + 50 * kTick));
  CHECK(led.OnLook(view, kLed + 50 * kTick + absl::Milliseconds(80)));
}

TEST_CASE("led checker: what a disk had to do when something changed is waited for, once") {
  LedChecker led;
  auto view = Three();
  view.syncing = {ServerId(2)};
  view.voters.erase(ServerId(2));  // its disk was slow when the sync began, and is no more
  CHECK(!AfterLong(&led, view));
  view.syncing.clear();
  CHECK(!led.OnLook(view, kLed + kTick));
  view.syncing = {ServerId(2)};
  CHECK(led.OnLook(view, 2 * kLed));
}

// Five voters, of which 1 alone has links.
LedChecker::View Star() {
  LedChecker::View view{.tick = kTick, .round_trip = absl::Milliseconds(10)};
  AddVoters(&view, 5);
  for (const int sid : {2, 3, 4, 5}) view.links.emplace(ServerId(1), ServerId(sid));
  return view;
}

TEST_CASE("led checker: whoever a quorum of links joins to voters not ahead of it has to be led") {
  LedChecker equal, too_few, behind, in_the_middle;

  auto view = Star();
  for (const int sid : {3, 4, 5}) view.voters.erase(ServerId(sid));
  CHECK(!AfterLong(&too_few, view));

  view = Star();
  for (const int sid : {3, 4, 5}) view.voters.at(ServerId(sid)).history.second = Zxid{1, 1};
  CHECK(!AfterLong(&behind, view));
  view.voters.at(ServerId(1)).history.second = Zxid{1, 1};
  CHECK(AfterLong(&in_the_middle, view));
}

TEST_CASE("led checker: a network that is not fit for elections leaves only safety to judge") {
  LedChecker led;
  auto view = Three();
  view.unfit = true;
  CHECK(!AfterLong(&led, view));
  view.unfit = false;
  CHECK(!led.OnLook(view, kLed + 1 * kTick));
  CHECK(led.OnLook(view, 2 * kLed));
}

TEST_CASE(
    "led checker: when a leader goes to which something is done, there is time for the next") {
  LedChecker led;
  auto view = Three();
  view.leader = ServerId(1);
  view.voters.erase(ServerId(1));
  CHECK(!AfterLong(&led, view));
  view.leader.reset();
  CHECK(!led.OnLook(view, kLed + kTick));
  CHECK(led.OnLook(view, 2 * kLed));
}

TEST_CASE("led checker: another leader while nothing has changed is no stability") {
  LedChecker led;
  auto view = Three();
  view.leader = ServerId(1);
  CHECK(!AfterLong(&led, view));
  view.leader = ServerId(2);
  const auto violation = led.OnLook(view, kLed + kTick);
  REQUIRE(violation);
  CHECK(violation->property == "LIV-4 stability");
}

TEST_CASE("led checker: another leader after a connection broke is none to complain of") {
  LedChecker led;
  auto view = Three();
  view.leader = ServerId(1);
  CHECK(!AfterLong(&led, view));
  view.leader = ServerId(2);
  ++view.changes;
  CHECK(!led.OnLook(view, kLed + kTick));
}

TEST_CASE("led checker: who serves under the leader stays, while the link to it works") {
  LedChecker led;
  auto view = Three();
  view.leader = ServerId(1);
  view.links.erase({ServerId(1), ServerId(3)});
  led.OnStatus(ServerId(2), {.state = PeerState::kLooking});  // before it serves
  CHECK(!AfterLong(&led, view));
  for (const int sid : {2, 3}) view.voters.at(ServerId(sid)).serves = ServerId(1);
  CHECK(!led.OnLook(view, kLed + kTick));
  led.OnStatus(ServerId(3), {.state = PeerState::kLooking});  // it has no link
  CHECK(!led.OnLook(view, kLed + 2 * kTick));
  led.OnStatus(ServerId(2), {.state = PeerState::kLooking});
  const auto violation = led.OnLook(view, kLed + 3 * kTick);
  REQUIRE(violation);
  CHECK(violation->property == "LIV-4 stability");
}

TEST_CASE("led checker: a renewal sends away who has not come as far as the epoch before it") {
  LedChecker led;
  auto view = Three();
  view.leader = ServerId(1);
  view.epoch = 4;
  CHECK(!AfterLong(&led, view));
  view.voters.at(ServerId(2)).serves = ServerId(1);
  view.voters.at(ServerId(2)).epoch = 4;
  CHECK(!led.OnLook(view, kLed + kTick));
  view.voters.at(ServerId(2)).serves.reset();
  view.epoch = 6;
  led.OnStatus(ServerId(2), {.state = PeerState::kLooking});
  CHECK(!led.OnLook(view, kLed + 2 * kTick));
  view.voters.at(ServerId(2)).serves = ServerId(1);
  view.voters.at(ServerId(2)).epoch = 6;
  CHECK(!led.OnLook(view, kLed + 3 * kTick));
  led.OnStatus(ServerId(2), {.state = PeerState::kLooking});
  CHECK(led.OnLook(view, kLed + 4 * kTick));
}

}  // namespace
}  // namespace zkq::testing
