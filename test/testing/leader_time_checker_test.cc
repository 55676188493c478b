// LeaderTimeChecker: when a leader stamps what it proposes with a time that its clock has left
// (PROTOCOL §8.2 B7).
#include "lib/testing/checks/leader_time_checker.h"

#include "test/harness/catch.h"

namespace zkq::testing {
namespace {

constexpr SimNetworkObserver::Route kFromLeader = {.from = ServerId(1), .to = ServerId(2)};
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

// The leader of `epoch` sends a transaction of that name, made then.
void Send(LeaderTimeChecker* checker, Epoch epoch, Zxid zxid, absl::Time made) {
  Txn txn{.zxid = zxid, .leader_time = absl::ToUnixMicros(made)};
  const Message message{.session = {.epoch = epoch}, .body = Proposal{.txns = {txn}}};
  checker->OnSent(kFromLeader, {.message = &message});
}

TEST_CASE("leader time checker: what is first sent late may be some minutes old, and no more") {
  LeaderTimeChecker checker([](ServerId) { return kNow; });
  Send(&checker, 1, {1, 1}, kNow - LeaderTimeChecker::kFar);
  Send(&checker, 1, {1, 2}, kNow + absl::Hours(1));  // the clock was set back
  CHECK(!checker.violation());
  Send(&checker, 1, {1, 3}, kNow - LeaderTimeChecker::kFar - absl::Microseconds(1));
  REQUIRE(checker.violation());
  CHECK(checker.violation()->property == "leader time follows the clock");
}

TEST_CASE("leader time checker: of what is sent again, or another leader made, nothing is asked") {
  LeaderTimeChecker checker([](ServerId) { return kNow; });
  Send(&checker, 3, {3, 1}, kNow);
  Send(&checker, 3, {3, 1}, kNow - absl::Hours(1));
  Send(&checker, 4, {3, 2}, kNow - absl::Hours(1));
  CHECK(!checker.violation());
}

TEST_CASE("leader time checker: nothing is asked just after the clock was set") {
  LeaderTimeChecker checker([](ServerId) { return std::nullopt; });
  Send(&checker, 1, {1, 1}, kNow - absl::Hours(1));
  CHECK(!checker.violation());
}

}  // namespace
}  // namespace zkq::testing
