#include "zkq/replica_status.h"

#include "test/harness/catch.h"

namespace zkq {
namespace {

TEST_CASE("a status is one line, of what is known") {
  CHECK(ToString(ReplicaStatus{.id = ServerId{3}}) ==
        "server=3 state=looking phase=election health=OK");
  CHECK(ToString(ReplicaStatus{.id = ServerId{2},
                               .state = PeerState::kFollowing,
                               .phase = ZabPhase::kBroadcast,
                               .leader = ServerId{1},
                               .epoch = 4,
                               .last_logged = {4, 17},
                               .last_committed = {4, 16},
                               .last_applied = {4, 15},
                               .last_snapshot = {3, 9},
                               .listen_address = "127.0.0.1:7102"}) ==
        "server=2 state=following phase=broadcast leader=1 epoch=4 logged=4:17 committed=4:16 "
        "applied=4:15 snapshot=3:9 listen=127.0.0.1:7102 health=OK");
}

TEST_CASE("what is wrong ends the line") {
  CHECK(ToString(ReplicaStatus{.id = ServerId{1},
                               .amnesic = true,
                               .halted = true,
                               .health = absl::DataLossError("the log is damaged")}) ==
        "server=1 state=looking phase=election amnesic halted "
        "health=DATA_LOSS: the log is damaged");
}

}  // namespace
}  // namespace zkq
