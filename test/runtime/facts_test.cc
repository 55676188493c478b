// Facts: what a replica says of itself, as time goes by.
#include "lib/runtime/facts.h"

#include <string>

#include "test/harness/catch.h"
#include "zkq/status.h"

namespace zkq::runtime {
namespace {

constexpr ServerId kOne{1};
constexpr ServerId kTwo{2};
constexpr ServerId kThree{3};
constexpr absl::Duration kNow = absl::Seconds(1000);

// Server 1 of three, which follows 3 and has everything.
Facts Following() {
  Facts facts{.self = kOne};
  facts.view.role = {.state = PeerState::kFollowing,
                     .phase = ZabPhase::kBroadcast,
                     .leader = kThree,
                     .epoch = 4,
                     .standing = Standing::kMember};
  facts.view.ensemble = {1, 2};
  facts.view.commit = {4, 7};
  facts.view.before_epoch = {3, 9};
  facts.view.ready_within = std::chrono::seconds(1);
  facts.view.founded_within = std::chrono::seconds(2);
  facts.as_of = kNow - absl::Milliseconds(40);
  facts.applied = {4, 7};
  auto around = std::make_shared<Around>();
  around->membership.members = {{.id = kOne, .address = "db1:7001"},
                                {.id = kTwo, .address = "db2:7002"},
                                {.id = kThree, .address = "db3:7003"}};
  around->links = {{.id = kTwo,
                    .since = kNow - absl::Seconds(60),
                    .error = absl::UnavailableError("no such name")},
                   {.id = kThree,
                    .up = true,
                    .since = kNow - absl::Seconds(5),
                    .round_trip = absl::Milliseconds(2)}};
  facts.around = std::move(around);
  return facts;
}

// The same, after its leader was lost so long ago.
Facts Leaderless(absl::Duration ago) {
  Facts facts = Following();
  facts.view.role = {.epoch = 4, .standing = Standing::kMember};
  facts.as_of = facts.leaderless_since = kNow - ago;
  return facts;
}

void IllFor(absl::Duration lasts, Ailment ailment, Facts* facts) {
  auto around = std::make_shared<Around>(*facts->around);
  around->ill_since[static_cast<size_t>(ailment)] = kNow - lasts;
  facts->around = std::move(around);
}

bool Mentions(const absl::Status& status, std::string_view what) {
  return std::string(status.message()).find(what) != std::string::npos;
}

TEST_CASE("facts: a member that keeps up is ready and healthy") {
  const ReplicaStatus status = StatusOf(Following(), kNow);
  CHECK(status.ready.ok());
  CHECK(status.health.ok());
  CHECK(status.standing == Standing::kMember);
  CHECK(status.staleness == absl::Milliseconds(40));
  CHECK(!status.leads);
}

TEST_CASE("facts: what is not applied fits what is, though an older sum says otherwise") {
  Facts facts = Following();
  facts.view.behind = 5;
  CHECK(StatusOf(facts, kNow).transactions_behind == 0);
  facts.applied = {4, 6};
  CHECK(StatusOf(facts, kNow).transactions_behind == 1);
  facts.applied = {3, 9};  // how many the epoch before had is not known here
  CHECK(StatusOf(facts, kNow).transactions_behind == 5);
}

TEST_CASE("facts: links are told with how long they have been so, and why") {
  const ReplicaStatus status = StatusOf(Following(), kNow);
  REQUIRE(status.links.size() == 2);
  CHECK(!status.links[0].up);
  CHECK(status.links[0].since == absl::Seconds(60));
  CHECK(status.links[0].error == absl::UnavailableError("no such name"));
  CHECK(status.links[0].round_trip == absl::InfiniteDuration());
  CHECK(status.links[1].up);
  CHECK(status.links[1].round_trip == absl::Milliseconds(2));
}

TEST_CASE("facts: of who learns from this leader is told what it lacks") {
  Facts facts = Following();
  auto around = std::make_shared<Around>(*facts.around);
  around->learners = {{.sid = kThree,
                       .durable = {4, 6},
                       .applied = {4, 5},
                       .behind = 2,
                       .bytes_behind = 300,
                       .caught_up = true}};
  facts.around = std::move(around);
  const LinkStatus link = StatusOf(facts, kNow).links[1];
  CHECK(link.durable == Zxid{4, 6});
  CHECK(link.applied == Zxid{4, 5});
  CHECK(link.transactions_behind == 2);
  CHECK(link.bytes_behind == 300);
  CHECK(link.caught_up);
}

TEST_CASE("facts: where who is linked stands, and as what it learns") {
  const DiskId listed{1, 2}, other{3, 4};
  Facts facts = Following();
  auto around = std::make_shared<Around>(*facts.around);
  around->membership.members[1].disk = listed;
  around->links = {{.id = kTwo, .up = true},
                   {.id = ServerId{4}, .up = true, .listed = false},
                   {.id = ServerId{ToInt(kServerIdMax) + 1}, .up = true, .listed = false}};
  around->learners = {{.sid = kTwo, .disk = listed},
                      {.sid = ServerId{4}, .disk = other, .observes = true}};
  facts.around = around;
  ReplicaStatus status = StatusOf(facts, kNow);
  CHECK(status.links[0].standing == Standing::kMember);
  CHECK(status.links[1].standing == Standing::kJoining);
  CHECK(status.links[1].type == MemberType::kObserver);
  CHECK(status.links[2].standing == Standing::kUnlisted);
  CHECK(status.links[2].type == MemberType::kObserver);

  around->learners[0].disk = other;  // which a pending configuration lists
  CHECK(StatusOf(facts, kNow).links[0].standing == Standing::kJoining);
  around->learners = {};
  around->links[0].listed = false;
  CHECK(StatusOf(facts, kNow).links[0].standing == Standing::kJoining);
  around->links[0].up = false;
  CHECK(StatusOf(facts, kNow).links[0].standing == Standing::kMember);
  facts.view.role.standing = Standing::kUnfounded;
  CHECK(StatusOf(facts, kNow).links[0].standing == Standing::kUnfounded);
}

TEST_CASE("facts: a leader leads once everything before its epoch is applied here") {
  Facts facts = Following();
  facts.view.role.state = PeerState::kLeading;
  facts.view.role.leader = kOne;
  facts.applied = {3, 8};
  CHECK(!StatusOf(facts, kNow).leads);
  facts.applied = {3, 9};
  CHECK(StatusOf(facts, kNow).leads == Epoch{4});
}

TEST_CASE("facts: an election of the usual length makes nobody unready or unhealthy") {
  const ReplicaStatus status = StatusOf(Leaderless(absl::Milliseconds(900)), kNow);
  CHECK(status.ready.ok());
  CHECK(status.health.ok());
}

TEST_CASE("facts: without a leader a server is not ready, and after a while not healthy") {
  ReplicaStatus status = StatusOf(Leaderless(absl::Seconds(3)), kNow);
  CHECK(absl::IsUnavailable(status.ready));
  CHECK(Mentions(status.ready, "no leader"));
  CHECK(status.health.ok());
  status = StatusOf(Leaderless(absl::Seconds(12)), kNow);
  CHECK(absl::IsUnavailable(status.health));
  CHECK(Mentions(status.health, "no leader for 12s"));
  CHECK(Mentions(status.health, "server 2 at db2:7002: no such name"));
  CHECK(!Mentions(status.health, "server 3"));
}

TEST_CASE("facts: a member without an address is named without one") {
  Facts facts = Leaderless(absl::Seconds(12));
  auto around = std::make_shared<Around>(*facts.around);
  around->membership.members[1].address = "";
  facts.around = std::move(around);
  CHECK(Mentions(StatusOf(facts, kNow).health, "not linked: server 2: no such name"));
}

TEST_CASE("facts: what waits to be founded says who is missing") {
  Facts facts = Leaderless(absl::Seconds(12));
  facts.view.ensemble = {};
  facts.view.role.standing = Standing::kUnfounded;
  CHECK(HealthOf(facts, kNow - absl::Seconds(11)).ok());  // init_limit has not passed
  const ReplicaStatus status = StatusOf(facts, kNow);
  CHECK(status.standing == Standing::kUnfounded);
  CHECK(Mentions(status.health, "not founded for 12s"));
  CHECK(Mentions(status.health, "server 2 at db2:7002: no such name"));
  CHECK(Mentions(status.ready, "not founded"));
}

TEST_CASE("facts: what only joins does not say that it waits to found") {
  Facts facts = Leaderless(absl::Seconds(12));
  facts.may_found = false;
  facts.view.ensemble = {};
  facts.view.role.standing = Standing::kUnfounded;
  const absl::Status health = StatusOf(facts, kNow).health;
  CHECK(Mentions(health, "it only joins"));
  CHECK(Mentions(health, "server 2 at db2:7002: no such name"));
  CHECK(!Mentions(health, "a new ensemble needs"));
}

TEST_CASE("facts: one that is being synchronised says so, and not that there is no leader") {
  Facts facts = Following();
  facts.view.role.leader = kNoServer;
  facts.view.role.phase = ZabPhase::kSynchronization;
  facts.as_of = -absl::InfiniteDuration();
  CHECK(Mentions(StatusOf(facts, kNow).ready, "synchronisation goes on"));
}

TEST_CASE("facts: one that lags says by how much, and is healthy") {
  Facts facts = Following();
  facts.as_of = kNow - absl::Seconds(4);
  facts.applied = {3, 1};
  facts.view.behind = 12'031;
  const ReplicaStatus status = StatusOf(facts, kNow);
  CHECK(Mentions(status.ready, "12031 transactions"));
  CHECK(Mentions(status.ready, "4s"));
  CHECK(status.transactions_behind == 12'031);
  CHECK(status.health.ok());
}

TEST_CASE("facts: a disk that is not the listed one is neither ready nor healthy") {
  Facts facts = Following();
  facts.view.role = {.standing = Standing::kJoining, .amnesic = true};
  const ReplicaStatus status = StatusOf(facts, kNow);
  CHECK(status.standing == Standing::kJoining);
  CHECK(absl::IsFailedPrecondition(status.ready));
  CHECK(absl::IsFailedPrecondition(status.health));
  CHECK(Mentions(status.health, "does not vote: the ensemble lists server 1 with another disk"));
}

TEST_CASE("facts: a server that no configuration lists is not ready, and says what to do") {
  Facts facts = Following();
  facts.view.role.standing = Standing::kJoining;
  CHECK(absl::IsUnavailable(ReadyOf(facts, kNow)));
  CHECK(Mentions(ReadyOf(facts, kNow), "`zkqctl add 1=ADDRESS` lists it"));
  CHECK(HealthOf(facts, kNow).ok());
  facts.view.role.standing = Standing::kRemoved;
  CHECK(Mentions(ReadyOf(facts, kNow), "it may be stopped"));
  CHECK(HealthOf(facts, kNow).ok());
  facts.view.role.standing = Standing::kUnlisted;  // an observer that nobody lists serves reads
  CHECK(ReadyOf(facts, kNow).ok());
}

TEST_CASE("facts: what it halted for is its health, whatever else there is") {
  Facts facts = Leaderless(absl::Seconds(12));
  facts.view.disk_hangs = std::chrono::seconds(3);
  facts.halted_by = absl::StatusCode::kDataLoss;
  facts.halted_for = std::make_shared<const std::string>("sync failed");
  IllFor(absl::Seconds(7), Ailment::kHalted, &facts);
  const ReplicaStatus status = StatusOf(facts, kNow);
  CHECK(status.halted);
  CHECK(absl::IsDataLoss(status.health));
  CHECK(absl::IsDataLoss(status.ready));
  CHECK(status.health.message() ==
        "sync failed; halted for 7s: something durable may be lost: restart no other server "
        "before that is understood");
  CHECK(GetErrorInfo(status.health).outcome == Outcome::kUnknown);
}

TEST_CASE("facts: one that halted for want of room says what would help") {
  Facts facts = Following();
  facts.halted_by = absl::StatusCode::kResourceExhausted;
  facts.halted_for = std::make_shared<const std::string>("no space left");
  CHECK(Mentions(HealthOf(facts, kNow), "no space left; halted: make room for it, on the"));
}

TEST_CASE("facts: a slow disk is told with the time that a sync takes") {
  Facts facts = Following();
  facts.view.disk_slow = std::chrono::milliseconds(312);
  IllFor(absl::Seconds(9), Ailment::kDiskSlow, &facts);
  const absl::Status health = HealthOf(facts, kNow);
  CHECK(absl::IsDeadlineExceeded(health));
  CHECK(Mentions(health, "the disk is slow for 9s: a sync takes 312ms"));
}

TEST_CASE("facts: a disk that hangs is told with the time that it has hung") {
  Facts facts = Following();
  facts.view.disk_hangs = std::chrono::seconds(72);
  const absl::Status health = HealthOf(facts, kNow);
  CHECK(absl::IsDeadlineExceeded(health));
  CHECK(Mentions(health, "the disk hangs: no sync has ended for 1m12s"));
}

TEST_CASE("facts: a clock that is off names both servers, while there is a leader") {
  Facts facts = Following();
  facts.view.clock_off = -std::chrono::seconds(90);
  IllFor(absl::Seconds(5), Ailment::kClockOff, &facts);
  const absl::Status health = HealthOf(facts, kNow);
  CHECK(absl::IsOutOfRange(health));
  CHECK(Mentions(health,
                 "clocks differ for 5s: leader_time of server 3, the leader, is 1m30s "
                 "behind the clock of server 1"));
  facts.view.role.leader = kNoServer;
  facts.leaderless_since = kNow;
  CHECK(HealthOf(facts, kNow).ok());
}

TEST_CASE("facts: other members at another server are told at once, until it is founded") {
  Facts facts = Leaderless(absl::ZeroDuration());
  facts.view.ensemble = {};
  facts.view.role.standing = Standing::kUnfounded;
  auto around = std::make_shared<Around>(*facts.around);
  around->links[0].up = true;
  around->differences = {{.sid = kTwo, .what = "1=a:1 here, 1=b:1 there"}};
  facts.around = std::move(around);
  const absl::Status health = HealthOf(facts, kNow);
  CHECK(absl::IsFailedPrecondition(health));
  CHECK(Mentions(health,
                 "server 2 and server 1 are configured with other members: 1=a:1 here, "
                 "1=b:1 there; give all"));
  CHECK(HealthOf(facts, kNow + absl::Minutes(1)).message().find("not founded") ==
        std::string_view::npos);
  facts.view.ensemble = {1, 2};
  facts.view.role.standing = Standing::kMember;
  CHECK(HealthOf(facts, kNow).ok());
}

TEST_CASE("facts: all that is wrong is told, with the code of the worst") {
  Facts facts = Leaderless(absl::Seconds(12));
  facts.view.disk_hangs = std::chrono::seconds(12);
  const absl::Status health = HealthOf(facts, kNow);
  CHECK(absl::IsUnavailable(health));
  CHECK(Mentions(health,
                 "no leader for 12s: not linked: server 2 at db2:7002: no such name; "
                 "also: the disk hangs: no sync"));
}

TEST_CASE("facts: one that was shut down is not ready, and not ill") {
  Facts facts = Leaderless(absl::Hours(3));
  facts.shutting_down = true;
  const ReplicaStatus status = StatusOf(facts, kNow);
  CHECK(status.health.ok());
  CHECK(absl::IsUnavailable(status.ready));
}

}  // namespace
}  // namespace zkq::runtime
