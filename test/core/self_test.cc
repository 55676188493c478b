// What every role shares.
#include "lib/core/self.h"

#include "test/harness/catch.h"

namespace zkq::core {
namespace {

// Whoever leads goes on from there, whatever its own clock says.
TEST_CASE("a history that begins with a snapshot goes on from the snapshot's leader time") {
  Self self({.self = ServerId{1}},
            {.base = {.zxid = {1, 7}, .leader_time = 500}, .epochs = Epochs({1, 7})});
  REQUIRE(self.history.last_leader_time() == 500);
  Effects effects;
  self.effects = &effects;
  self.Install({.zxid = {2, 3}, .leader_time = 900});
  REQUIRE(self.history.last_leader_time() == 900);
  REQUIRE(self.history.last() == Zxid{2, 3});
}

Membership Of(Zxid version, std::vector<Member> members) { return {version, std::move(members)}; }

// Beyond the window as well, which here is empty.
TEST_CASE("the reconfigurations of the whole log count at the start") {
  const Membership old = Of({1, 2}, {{.id = ServerId{1}}}),
                   next = Of({1, 4}, {{.id = ServerId{2}}});
  Self self({.self = ServerId{1}}, {.state = {.ensemble = {7, 7}},
                                    .epochs = Epochs({}, {{1, 20'000}}),
                                    .commit = {1, 3},
                                    .reconfigurations = {old, next}});
  REQUIRE(self.memberships.committed() == old);
  REQUIRE(self.memberships.configs().pending == next);
}

TEST_CASE("the configuration of the snapshot that a history begins with counts if it is newer") {
  const Membership stored = Of({1, 5}, {{.id = ServerId{1}, .disk = {0, 1}}});
  const auto committed = [&](const Membership& of_snapshot) {
    Self self({.self = ServerId{1}}, {.state = {.ensemble = {7, 7}, .config = stored},
                                      .base = {.zxid = {1, 9}, .membership = of_snapshot},
                                      .epochs = Epochs({1, 9})});
    Effects effects;
    self.effects = &effects;
    self.FollowMemberships();
    REQUIRE(self.state.config == self.memberships.committed());
    return self.state.config;
  };
  const Membership newer = Of({1, 7}, {{.id = ServerId{2}}});
  REQUIRE(committed(newer) == newer);
  REQUIRE(committed(Of({1, 5}, {})) == stored);  // it has the disks
  REQUIRE(committed({}) == stored);
}

TEST_CASE("an installed snapshot's configuration is committed and stored, and none is pending") {
  const Membership stored = Of({1, 2}, {{.id = ServerId{1}}}), pending = Of({1, 8}, {});
  Self self({.self = ServerId{1}}, {.state = {.ensemble = {7, 7}, .config = stored},
                                    .epochs = Epochs({}, {{1, 9}}),
                                    .reconfigurations = {pending}});
  Effects effects;
  self.effects = &effects;
  const Membership installed = Of({2, 3}, {{.id = ServerId{2}}});
  self.Install({.zxid = {2, 3}, .membership = installed});
  REQUIRE(self.memberships.configs() == Configs{.committed = installed});
  REQUIRE(self.state.config == installed);
}

TEST_CASE("of snapshot and log the later leader time counts") {
  const Self self({.self = ServerId{1}}, {.base = {.zxid = {1, 7}, .leader_time = 500},
                                          .epochs = Epochs({}, {{1, 9}}),
                                          .last_leader_time = 700});
  REQUIRE(self.history.last_leader_time() == 700);
}

TEST_CASE("an effect that is wanted outside of a step breaks the peer, not its host") {
  Self self({.self = ServerId{1}}, {});
  self.Emit(core::Deliver{});
  REQUIRE_FALSE(self.invariants().ok());
}

std::string Notes(const Effects& effects) {
  std::string notes;
  for (const Effect& effect : effects) {
    const Note& note = std::get<Note>(effect);
    notes += std::string(InfoOf(note.line).name) + ": " + note.text + "\n";
  }
  return notes;
}

TEST_CASE("the wall clock is followed at once, and what sets it far ahead is said once") {
  Self self({.self = ServerId{1}}, {});
  Effects effects;
  self.effects = &effects;
  const auto tick = [&](int seconds, int64_t wall) {
    self.NoteTime({.now = std::chrono::seconds(seconds), .wall = wall * 1'000'000});
  };
  tick(0, 1'000);
  tick(10, 1'070);  // a minute more than has passed: no more than clocks may differ
  REQUIRE(Notes(effects) == "");
  REQUIRE(self.wall == 1'070'000'000);
  tick(20, 1'141);
  tick(30, 1'151);
  REQUIRE(Notes(effects) ==
          "clock-set: the wall clock was set forward by 61 s: so is leader_time while this server "
          "leads\n");
  REQUIRE(self.wall == 1'151'000'000);
  tick(40, 500);  // back is not said: leader_time stands still then
  REQUIRE(effects.size() == 1);
  tick(50, INT64_MAX / 1'000'000);
  REQUIRE(self.wall == kLeaderTimeMax);
}

TEST_CASE("a leader's time that is more than a minute from this server's is said once") {
  Self self({.self = ServerId{1}}, {});
  Effects effects;
  self.effects = &effects;
  self.NoteTime({.wall = 1'000'000'000});
  self.NoteLeaderTime(ServerId{2}, 1'060'000'000);
  REQUIRE(Notes(effects) == "");
  self.NoteLeaderTime(ServerId{2}, 1'061'000'000);
  self.NoteLeaderTime(ServerId{2}, 1'900'000'000);
  self.NoteLeaderTime(ServerId{3}, 900'000'000);
  REQUIRE(Notes(effects) ==
          "clock-off: leader_time of server 2 is 61 s ahead of this server's clock\n"
          "clock-off: leader_time of server 3 is 100 s behind this server's clock\n");
}

TEST_CASE(
    "how far clocks are apart is as it stands: the newest time counts, and so does a clock set") {
  Self self({.self = ServerId{1}}, {});
  Effects effects;
  self.effects = &effects;
  self.NoteTime({.wall = 1'000'000'000});
  self.NoteLeaderTime(ServerId{2}, 1'061'000'000);
  REQUIRE(self.ClockOff(ServerId{2}) == std::chrono::seconds(61));
  REQUIRE(self.ClockOff(ServerId{3}) == Time{});  // of another leader nothing is known
  self.NoteTime({.now = std::chrono::seconds(10), .wall = 1'010'000'000});  // it goes on
  REQUIRE(self.ClockOff(ServerId{2}) == std::chrono::seconds(61));
  self.NoteTime({.now = std::chrono::seconds(10), .wall = 1'200'000'000});  // and is set
  REQUIRE(self.ClockOff(ServerId{2}) == std::chrono::seconds(-129));
  self.NoteLeaderTime(ServerId{2}, 1'200'000'000);
  REQUIRE(self.ClockOff(ServerId{2}) == Time{});
}

}  // namespace
}  // namespace zkq::core
