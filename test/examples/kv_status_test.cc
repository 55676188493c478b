#include <google/protobuf/util/json_util.h>

#include <memory>
#include <sstream>
#include <string>

#include "examples/kv/state_machine.h"
#include "examples/kv/status_response.h"
#include "examples/kv/status_text.h"
#include "examples/kv/watch_hub.h"
#include "test/harness/catch.h"
#include "zkq/testing/local_ensemble.h"

namespace {

namespace pb = kv::pb;
using zkq::ServerId;

zkq::ReplicaStatus Leader() {
  return {.id = ServerId{1},
          .state = zkq::PeerState::kLeading,
          .phase = zkq::ZabPhase::kBroadcast,
          .standing = zkq::Standing::kMember,
          .leader = ServerId{1},
          .epoch = 12,
          .leads = 12,
          .last_logged = {12, 1'234'570},
          .last_committed = {12, 1'234'569},
          .last_applied = {12, 1'234'567},
          .last_snapshot = {11, 1'200'000},
          .staleness = absl::Milliseconds(41),
          .transactions_behind = 2,
          .membership = {.version = {0, 0},
                         .members = {{.id = ServerId{1}, .address = "10.20.30.1:7101"},
                                     {.id = ServerId{2}, .address = "10.20.30.2:7101"},
                                     {.id = ServerId{3}, .address = "10.20.30.3:7101"}}},
          .ensemble = {0x1d960e1af7499e78, 0x5f523776df4c1ed0},
          .listen_address = "10.20.30.1:7101",
          .links = {{.id = ServerId{2},
                     .up = true,
                     .since = absl::Seconds(7'265),
                     .round_trip = absl::Microseconds(412),
                     .durable = {12, 1'234'570},
                     .applied = {12, 1'200'001},
                     .transactions_behind = 34'569,
                     .bytes_behind = 4'493'970},
                    {.id = ServerId{3},
                     .since = absl::Seconds(12),
                     .error = absl::UnavailableError("connection refused by 10.20.30.3:7101")}},
          .outstanding_bytes = 1'048'576,
          .last_sync_latency = absl::Microseconds(318)};
}

zkq::ReplicaStatus Lagging() {
  zkq::ReplicaStatus status = Leader();
  status.id = ServerId{2};
  status.state = zkq::PeerState::kFollowing;
  status.leads = {};
  status.last_applied = {12, 1'200'001};
  status.transactions_behind = 34'569;
  status.staleness = absl::InfiniteDuration();
  status.listen_address = "10.20.30.2:7101";
  status.links = {{.id = ServerId{1}, .up = true, .since = absl::Seconds(7'265)}};
  status.ready =
      zkq::MakeError(absl::StatusCode::kUnavailable, "34569 transactions are not applied yet");
  status.health = absl::UnavailableError(
      "its disk is slow for 12s: a sync of the log takes 2.5s; look at the disk, at what else "
      "uses it, or set a larger tick");
  return status;
}

pb::StatusReport Report() {
  pb::StatusReport report;
  const auto add = [&](const std::string& address) {
    pb::StatusReport::Server* server = report.add_servers();
    server->set_address(address);
    return server;
  };
  *add("10.20.30.1:7201")->mutable_status() = kv::ToResponse(Leader());
  *add("10.20.30.2:7201")->mutable_status() = kv::ToResponse(Lagging());
  add("10.20.30.3:7201")->set_error("Connection refused");
  return report;
}

}  // namespace

TEST_CASE("the table shows servers, links, and what is wrong, in 100 columns") {
  const std::string table = kv::StatusTable(Report());
  CHECK(
      table ==
      R"(SERVER           ID  ROLE         EPOCH  LOGGED      COMMITTED   APPLIED     BEHIND  STALE  READY
10.20.30.1:7201  1   leads        12     12:1234570  12:1234569  12:1234567  2       41ms   yes
10.20.30.2:7201  2   following 1  12     12:1234570  12:1234569  12:1200001  34569   -      no
10.20.30.3:7201  does not answer: Connection refused

LINK    STATE  FOR     ROUND TRIP  DURABLE     APPLIED     BEHIND  BYTES    CAUGHT UP
1 to 2  up     2h1m5s  410us       12:1234570  12:1200001  34569   4493970  no
1 to 3  down   12s     UNAVAILABLE: connection refused by 10.20.30.3:7101
2 to 1  up     2h1m5s  -

1  member in broadcast at 10.20.30.1:7101, snapshot 11:1200000, last sync 310us, calls of 1048576 B
2  member in broadcast at 10.20.30.2:7101, snapshot 11:1200000, last sync 310us, calls of 1048576 B
2  not ready: UNAVAILABLE: 34569 transactions are not applied yet
2  health: UNAVAILABLE: its disk is slow for 12s: a sync of the log takes 2.5s; look at the disk, at
   what else uses it, or set a larger tick

members 0:0 of 1d960e1af7499e785f523776df4c1ed0: 1=10.20.30.1:7101, 2=10.20.30.2:7101,
3=10.20.30.3:7101
)");
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 100);
}

TEST_CASE("a line a server, with names that scripts read, and health at its end") {
  CHECK(kv::StatusLines(Report()) ==
        "10.20.30.1:7201 sid=1 role=leading leader=1 epoch=12 committed=12:1234569 "
        "applied=12:1234567 logged=12:1234570 snapshot=11:1200000 leads=12 standing=member "
        "phase=broadcast behind=2 staleness=41ms ready=yes health=OK\n"
        "10.20.30.2:7201 sid=2 role=following leader=1 epoch=12 committed=12:1234569 "
        "applied=12:1200001 logged=12:1234570 snapshot=11:1200000 leads=0 standing=member "
        "phase=broadcast behind=34569 ready=no health=UNAVAILABLE: its disk is slow for 12s: a "
        "sync of the log takes 2.5s; look at the disk, at what else uses it, or set a larger "
        "tick\n"
        "10.20.30.3:7201 unreachable: Connection refused\n");
}

TEST_CASE("the JSON is read back as the report it was") {
  for (const bool one_line : {false, true}) {
    const std::string json = kv::StatusJson(Report(), one_line);
    pb::StatusReport read;
    REQUIRE(google::protobuf::util::JsonStringToMessage(json, &read).ok());
    CHECK(read.SerializeAsString() == Report().SerializeAsString());
    CHECK((json.find('\n') == json.size() - 1) == one_line);
  }
}

TEST_CASE("a server of a real ensemble tells what it is and that it is ready") {
  zkq::testing::LocalEnsemble ensemble([](ServerId) {
    return std::make_unique<kv::KvStateMachine>(std::make_shared<kv::WatchHub>());
  });
  REQUIRE(ensemble.StartAll().ok());
  const ServerId leader = *ensemble.WaitForLeader();
  for (const ServerId sid : ensemble.servers()) {
    REQUIRE(ensemble.replica(sid).WaitUntilReady(absl::Minutes(1)).ok());
  }
  const pb::StatusResponse status = kv::ToResponse(ensemble.replica(leader).Status());
  CHECK(status.role() == "leading");
  CHECK(status.leads() == status.epoch());
  CHECK(status.standing() == "member");
  CHECK(status.ready() == "OK");
  CHECK(status.has_staleness());
  CHECK(status.members_size() == 3);
}
