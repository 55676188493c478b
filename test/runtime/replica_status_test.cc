#include "zkq/replica_status.h"

#include "test/harness/catch.h"

namespace zkq {
namespace {

TEST_CASE("a status is one line, of what is known") {
  CHECK(ToString(ReplicaStatus{.id = ServerId{3}}) ==
        "server=3 standing=unfounded state=looking phase=election health=OK");
  CHECK(ToString(ReplicaStatus{.id = ServerId{2},
                               .state = PeerState::kFollowing,
                               .phase = ZabPhase::kBroadcast,
                               .standing = Standing::kMember,
                               .leader = ServerId{1},
                               .epoch = 4,
                               .last_logged = {4, 17},
                               .last_committed = {4, 16},
                               .last_applied = {4, 15},
                               .last_snapshot = {3, 9},
                               .staleness = absl::Microseconds(40'100),
                               .transactions_behind = 1,
                               .listen_address = "127.0.0.1:7102",
                               .links = {{.id = ServerId{1}, .up = true}, {.id = ServerId{3}}}}) ==
        "server=2 standing=member state=following phase=broadcast leader=1 epoch=4 logged=4:17 "
        "committed=4:16 applied=4:15 snapshot=3:9 staleness=40ms behind=1 linked=1 unlinked=3 "
        "listen=127.0.0.1:7102 health=OK");
}

TEST_CASE("what is wrong ends the line") {
  CHECK(ToString(ReplicaStatus{.id = ServerId{1},
                               .ready = absl::UnavailableError("stale by 4s"),
                               .health = absl::DataLossError("the log is damaged"),
                               .halted = true}) ==
        "server=1 standing=unfounded state=looking phase=election halted "
        "ready=UNAVAILABLE: stale by 4s health=DATA_LOSS: the log is damaged");
}

}  // namespace
}  // namespace zkq
