#include "lib/runtime/status_board.h"

#include "test/harness/catch.h"

namespace zkq::runtime {
namespace {

constexpr absl::Duration kStart = absl::Seconds(100);

TEST_CASE("the newest snapshot stays the last one, also when an older one is done after it") {
  StatusBoard board(ServerId{1});
  board.SetSnapshot({2, 7});
  board.SetSnapshot({1, 9});
  REQUIRE(board.Status(kStart).last_snapshot == Zxid{2, 7});
}

core::Peer::View ViewOfFollower() {
  core::Peer::View view{.role = {.state = PeerState::kFollowing,
                                 .phase = ZabPhase::kBroadcast,
                                 .leader = ServerId{3},
                                 .epoch = 4,
                                 .standing = Standing::kMember}};
  view.ensemble = {1, 2};
  view.ready_within = std::chrono::seconds(1);
  return view;
}

TEST_CASE("each change is told once: when it becomes ready, leaderless, stale, and ill") {
  StatusBoard board(ServerId{1});
  absl::Duration now = kStart + absl::Seconds(1);
  StatusBoard::Change change = board.SetView(ViewOfFollower(), now, now);
  CHECK(change == StatusBoard::Change{.role = true, .leader = true, .ready = true});
  CHECK(board.SetView(ViewOfFollower(), now, now) == StatusBoard::Change{});

  core::Peer::View looking = ViewOfFollower();
  looking.role = {.epoch = 4, .standing = Standing::kMember};
  const absl::Duration as_of = now;
  change = board.SetView(looking, as_of, now);
  CHECK(change == StatusBoard::Change{.role = true, .leader = true});
  now += absl::Seconds(2);
  CHECK(board.SetView(looking, as_of, now) == StatusBoard::Change{.ready = true});
  now += absl::Seconds(9);
  CHECK(board.SetView(looking, as_of, now) == StatusBoard::Change{.health = true});
  CHECK(board.SetView(looking, as_of, now) == StatusBoard::Change{});
  change = board.SetView(ViewOfFollower(), now, now);
  CHECK(change == StatusBoard::Change{.role = true, .leader = true, .ready = true, .health = true});
}

TEST_CASE("what became unready without a word is told to be ready again") {
  StatusBoard board(ServerId{1});
  board.SetView(ViewOfFollower(), kStart, kStart);
  const absl::Duration later = kStart + absl::Seconds(5);
  CHECK(!board.Ready(later).ok());
  CHECK(board.SetView(ViewOfFollower(), later, later) == StatusBoard::Change{.ready = true});
}

TEST_CASE("a replica that shuts down is not ready, and that is told") {
  StatusBoard board(ServerId{1});
  board.SetView(ViewOfFollower(), kStart, kStart);
  CHECK(board.BeginShutdown(kStart) == StatusBoard::Change{.ready = true});
  CHECK(board.Status(kStart).ready.code() == absl::StatusCode::kUnavailable);
  CHECK(board.SetView(ViewOfFollower(), kStart, kStart) == StatusBoard::Change{});
}

TEST_CASE("a leader that is far is given twice the round trip to confirm") {
  StatusBoard board(ServerId{1});
  board.SetView(ViewOfFollower(), kStart, kStart);
  CHECK(!board.Ready(kStart + absl::Milliseconds(1500)).ok());
  board.SetOthers({{.id = ServerId{2}, .up = true, .round_trip = absl::Milliseconds(400)}}, {}, {});
  CHECK(!board.Ready(kStart + absl::Milliseconds(1500)).ok());
  board.SetOthers({{.id = ServerId{3}, .up = true, .round_trip = absl::Milliseconds(400)}}, {}, {});
  CHECK(board.Ready(kStart + absl::Milliseconds(1500)).ok());
  CHECK(!board.Ready(kStart + absl::Seconds(2)).ok());
}

TEST_CASE("a leader is told of again once all before its epoch is applied") {
  StatusBoard board(ServerId{3});
  core::Peer::View leading = ViewOfFollower();
  leading.role.state = PeerState::kLeading;
  leading.before_epoch = {3, 9};
  board.SetView(leading, kStart, kStart);
  CHECK(!board.Status(kStart).leads);
  board.SetApplied({3, 9});
  CHECK(board.SetView(leading, kStart, kStart) == StatusBoard::Change{.leader = true});
  CHECK(board.Status(kStart).leads == Epoch{4});
  CHECK(board.SetView(leading, kStart, kStart) == StatusBoard::Change{});
}

TEST_CASE("a start that takes long is not told as time without a leader") {
  StatusBoard board(ServerId{1});
  CHECK(board.Health(kStart).ok());
  core::Peer::View looking = ViewOfFollower();
  looking.role = {.epoch = 4, .standing = Standing::kMember};
  board.SetView(looking, -absl::InfiniteDuration(), kStart);
  CHECK(board.Health(kStart + absl::Seconds(9)).ok());
  CHECK(!board.Health(kStart + absl::Seconds(11)).ok());
}

TEST_CASE("health is told anew when something else is wrong, each counted from its own beginning") {
  StatusBoard board(ServerId{1});
  const auto set = [&](const core::Peer::View& view, absl::Duration now) {
    return board.SetView(view, now, now).health;
  };
  core::Peer::View view = ViewOfFollower();
  CHECK(!set(view, kStart));
  view.disk_slow = std::chrono::milliseconds(300);
  CHECK(set(view, kStart + absl::Seconds(1)));
  CHECK(!set(view, kStart + absl::Seconds(2)));
  view.clock_off = std::chrono::minutes(2);
  CHECK(set(view, kStart + absl::Seconds(3)));
  const std::string health(board.Health(kStart + absl::Seconds(8)).message());
  CHECK(health.find("the disk is slow for 7s") != std::string::npos);
  CHECK(health.find("clocks differ for 5s") != std::string::npos);
  view.disk_slow = {};
  CHECK(set(view, kStart + absl::Seconds(9)));
}

TEST_CASE("another configuration is told once, and so is that a change is settled") {
  StatusBoard board(ServerId{1});
  const StatusBoard::Change told{.membership = true};
  const Membership now{.version = {2, 7}, .members = {{.id = ServerId{1}}}};
  CHECK(board.SetMembership(now, true) == told);
  CHECK(board.SetMembership(now, true) == StatusBoard::Change{});
  CHECK(board.SetMembership(now, false) == told);
}

TEST_CASE("a replica that has halted stays so, and says so once") {
  StatusBoard board(ServerId{1});
  board.SetView(ViewOfFollower(), kStart, kStart);
  const auto change = board.SetHalted(absl::StatusCode::kInternal, "sync failed", kStart);
  REQUIRE(change);
  CHECK(*change ==
        StatusBoard::Change{.role = true, .leader = true, .ready = true, .health = true});
  CHECK(!board.SetHalted(absl::StatusCode::kDataLoss, "later", kStart));
  CHECK(board.SetView(ViewOfFollower(), kStart, kStart) == StatusBoard::Change{});
  CHECK(board.Status(kStart).halted);
  CHECK(absl::IsInternal(board.Status(kStart).health));
  CHECK(!board.leader());
}

}  // namespace
}  // namespace zkq::runtime
