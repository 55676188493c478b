// What becomes of calls, and what their callers are told (INV-31).
#include "test/harness/catch.h"
#include "test/testing/invariant_story.h"
#include "zkq/status.h"
#include "zkq/wire.h"

namespace zkq::testing {
namespace {

// --- calls that are refused ------------------------------------------------------------------

struct Refused : Story {
  Refused() {
    Lead(1, {2, 3}, 1);
    checker.OnProposed(1, ServerId{1}, "a");
    Log(1, Next(1, 1, "a"));
  }
  std::string Refuse(uint64_t call) {
    checker.OnDone(
        call, MakeError(absl::StatusCode::kAborted, "no", {.outcome = Outcome::kNotCommitted}));
    return Violated();
  }
};

TEST_CASE("INV-31: what is in somebody's log may be committed yet") {
  Refused story;
  REQUIRE(story.Refuse(1) == "INV-31 calls");
}

TEST_CASE("INV-31: what an established epoch began without never is") {
  Refused story;
  story.Crash(1);
  story.Lead(2, {3}, 2);
  REQUIRE(story.Refuse(1) == "");
}

TEST_CASE("INV-31: of two calls with one command one may be refused") {
  Refused story;
  story.checker.OnProposed(2, ServerId{2}, "a");
  REQUIRE(story.Refuse(2) == "");
  REQUIRE(story.Refuse(1) == "INV-31 calls");
}

TEST_CASE("INV-31: what is told not to be committed is not proposed later") {
  Refused story;
  story.checker.OnProposed(2, ServerId{2}, "b");
  story.Refuse(2);
  REQUIRE(story.Violated() == "");
  story.Log(1, story.Next(1, 1, "b"));
  REQUIRE(story.Violated() == "INV-31 calls");
}

// --- the order of a server's calls -------------------------------------------------------------

// Server 1 leads epoch 1, and server 3 has asked it for calls.
struct Ordered : Story {
  Ordered() { Lead(1, {2, 3}, 1); }
  Txn CallOf3(int holder, Epoch epoch, uint64_t call, uint64_t boot = 5) {
    const Txn next = Next(holder, epoch);
    return EncodeTxn(next.zxid, next.prev, TxnKind::kCommand, {ServerId{3}, boot, call}, 0,
                     "c" + std::to_string(call));
  }
};

TEST_CASE("INV-31: a server's calls stand in their order, and some may be missing") {
  Ordered story;
  story.Log(1, story.CallOf3(1, 1, 4));
  SECTION("a later one follows") { story.Log(1, story.CallOf3(1, 1, 7)); }
  SECTION("a process life later it begins anew") { story.Log(1, story.CallOf3(1, 1, 1, 6)); }
  REQUIRE(story.Violated() == "");
}

TEST_CASE("INV-31: an earlier call follows no later one, and none follows itself") {
  Ordered story;
  story.Log(1, story.CallOf3(1, 1, 4));
  story.Log(1, story.Next(1, 1, "other"));
  SECTION("earlier") { story.Log(1, story.CallOf3(1, 1, 3)); }
  SECTION("itself") { story.Log(1, story.CallOf3(1, 1, 4)); }
  REQUIRE(story.Violated() == "INV-31 calls");
}

TEST_CASE("INV-31: what stands in another history alone does not count") {
  Ordered story;
  story.Log(1, story.CallOf3(1, 1, 4));
  story.Log(1, story.CallOf3(1, 1, 5));
  story.Crash(1);
  story.Lead(2, {3}, 2);
  story.Log(2, story.CallOf3(2, 2, 4));  // again
  REQUIRE(story.Violated() == "");
}

}  // namespace
}  // namespace zkq::testing
