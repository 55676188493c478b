#include "zkq/reconfiguration.h"

#include <string>
#include <vector>

#include "test/harness/catch.h"
#include "zkq/status.h"

namespace zkq {
namespace {

TEST_CASE("a membership that is no configuration is refused, and its member named") {
  Membership membership{.version = {5, 1}, .members = {{ServerId{1}, "a:1"}, {ServerId{2}, "b:1"}}};
  CHECK(CheckMembership(membership).ok());
  membership.members[1].address = "A:1";
  const absl::Status twice = CheckMembership(membership);
  CHECK(twice.code() == absl::StatusCode::kInvalidArgument);
  CHECK(twice.message() == "A:1 is the address of two servers, 1 and 2");
  CHECK(GetErrorInfo(twice).outcome == Outcome::kNotCommitted);
}

// Server 1 leads `servers` voters; all are up and caught up.
ReplicaStatus Leader(uint64_t servers) {
  ReplicaStatus status{.id = ServerId{1}, .leader = ServerId{1}, .leads = 7};
  for (uint64_t id = 1; id <= servers; ++id) {
    status.membership.members.push_back({.id = ServerId{id}});
    if (id == 1) continue;
    status.links.push_back({.id = ServerId{id}, .up = true, .caught_up = true});
  }
  return status;
}

LinkStatus& LinkTo(uint64_t id, ReplicaStatus* status) { return status->links.at(id - 2); }

absl::Status Stop(const ReplicaStatus& leader, const std::vector<uint64_t>& numbers) {
  std::vector<ServerId> stopped;
  for (const uint64_t number : numbers) stopped.push_back(ServerId{number});
  return CheckStop(leader, stopped);
}

// Why `numbers` may not be stopped, "; " and who is missing.
std::string Objection(const ReplicaStatus& leader, const std::vector<uint64_t>& numbers) {
  const absl::Status status = Stop(leader, numbers);
  REQUIRE(status.code() == absl::StatusCode::kFailedPrecondition);
  std::string text(status.message());
  for (const ServerId sid : GetErrorInfo(status).servers) text += "; " + ToString(sid);
  return text;
}

TEST_CASE("those may be stopped without whom a quorum is up, the leader too") {
  CHECK(Stop(Leader(3), {}).ok());
  CHECK(Stop(Leader(3), {3}).ok());
  CHECK(Stop(Leader(3), {1}).ok());
  CHECK(Stop(Leader(3), {1, 1, 99}).ok());  // nobody lists 99
  CHECK(Stop(Leader(5), {1, 4}).ok());
  CHECK(Objection(Leader(3), {2, 3}) == "without 2, 3, {1} of {1} is up: too few of the ensemble");
  CHECK(Objection(Leader(3), {1, 2, 3}) ==
        "without 1, 2, 3, {} of {} is up: too few of the ensemble");
}

TEST_CASE("nobody may be stopped while the configuration changes") {
  ReplicaStatus leader = Leader(3);
  leader.changing = true;
  CHECK(Objection(leader, {99}) ==
        "a change of the configuration is under way: until it is settled, those that it leaves out "
        "may be needed");
}

TEST_CASE("who is down, or not caught up, is named") {
  ReplicaStatus leader = Leader(3);
  LinkTo(2, &leader).up = false;
  CHECK(Objection(leader, {3}) == "without 3, {1} of {1,2} is up: 2 is down; 2");
  CHECK(Objection(leader, {1}) == "without 1, {3} of {2,3} is up: 2 is down; 2");
  CHECK(Stop(leader, {2}).ok());  // it is stopped already
  leader = Leader(5);
  LinkTo(2, &leader).caught_up = false;
  leader.links.pop_back();  // 5 has never been seen
  CHECK(Stop(leader, {}).ok());
  CHECK(Objection(leader, {3}) ==
        "without 3, {1,4} of {1,2,4,5} are up: 2 is not caught up, 5 is down; 2; 5");
}

TEST_CASE("a server that caught up on another disk than the listed one does not count") {
  ReplicaStatus leader = Leader(3);
  LinkTo(2, &leader).standing = Standing::kJoining;
  CHECK(Objection(leader, {3}) ==
        "without 3, {1} of {1,2} is up: 2 is there with another disk than the listed one; 2");
}

TEST_CASE("without anybody stopped a quorum may be missing as well") {
  ReplicaStatus leader = Leader(2);
  LinkTo(2, &leader).caught_up = false;
  CHECK(Objection(leader, {}) == "{1} of {1,2} is up: 2 is not caught up; 2");
}

TEST_CASE("an observer counts for nothing, also one that is to vote and attached as observer") {
  ReplicaStatus leader = Leader(4);
  leader.membership.members[3].type = MemberType::kObserver;
  LinkTo(4, &leader).type = MemberType::kObserver;
  CHECK(Stop(leader, {4, 3}).ok());
  LinkTo(2, &leader).up = false;
  CHECK(Objection(leader, {3}) == "without 3, {1} of {1,2} is up: 2 is down; 2");
  leader.membership.members[3].type = MemberType::kParticipant;  // of four, three are needed
  CHECK(Objection(leader, {}) ==
        "{1,3} of {1,2,3,4} are up: 2 is down, 4 is an observer still; 2; 4");
}

TEST_CASE("weights and groups decide who may be stopped, and a removed leader does not count") {
  ReplicaStatus leader = Leader(3);
  leader.membership.members[0].weight = 3;
  CHECK(Stop(leader, {2, 3}).ok());
  CHECK(Objection(leader, {1}) == "without 1, {2,3} of {2,3} are up: too few of the ensemble");
  leader = Leader(3);
  leader.membership = Without(leader.membership, ServerId{1});
  CHECK(Objection(leader, {2}) == "without 2, {3} of {3} is up: too few of the ensemble");
  CHECK(Stop(leader, {1}).ok());
}

TEST_CASE("only a leader knows who may be stopped") {
  ReplicaStatus follower = Leader(3);
  follower.leads = {};
  follower.leader = ServerId{2};
  const absl::Status status = Stop(follower, {3});
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK(status.message() == "server 1 does not lead: it cannot tell who is up");
  CHECK(GetErrorInfo(status).leader == ServerId{2});
}

}  // namespace
}  // namespace zkq
