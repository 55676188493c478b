// Watch alone: a leader's pings, in time.
#include "lib/core/watch.h"

#include "test/harness/catch.h"

namespace zkq::core {
namespace {

using std::chrono::milliseconds;

Watch NewWatch() { return Watch(milliseconds(100), milliseconds(1000), Time{}); }

TEST_CASE("a ping is due every half tick") {
  Watch watch = NewWatch();
  REQUIRE(watch.next_ping() == milliseconds(50));
  REQUIRE_FALSE(watch.PingIsDue(milliseconds(49)));
  REQUIRE(watch.PingIsDue(milliseconds(50)));
  REQUIRE_FALSE(watch.PingIsDue(milliseconds(50)));
  REQUIRE(watch.next_ping() == milliseconds(100));
}

TEST_CASE(
    "pings are counted, and when one was sent is known for as long as it can prove anything") {
  Watch watch = NewWatch();
  REQUIRE(watch.NumberPing(milliseconds(10), {}) == 1);
  REQUIRE(watch.NumberPing(milliseconds(20), {}) == 2);
  REQUIRE(watch.NumberPing(milliseconds(1010), {}) == 3);
  REQUIRE(watch.last_ping() == 3);
  REQUIRE(watch.SentAt(1) == milliseconds(10));
  REQUIRE(watch.SentAt(2) == milliseconds(20));
  REQUIRE(watch.NumberPing(milliseconds(1011), {}) == 4);
  REQUIRE_FALSE(watch.SentAt(1));
  REQUIRE(watch.SentAt(3) == milliseconds(1010));
  REQUIRE(watch.SentAt(4) == milliseconds(1011));
  REQUIRE_FALSE(watch.SentAt(5));
  REQUIRE_FALSE(watch.SentAt(0));
}

TEST_CASE("a ping that a quorum has answered proves what was committed when it was sent") {
  Watch watch = NewWatch();
  watch.NumberPing(milliseconds(10), std::nullopt);  // not established yet: it proves nothing
  watch.NumberPing(milliseconds(20), Zxid{1, 4});
  watch.NumberPing(milliseconds(30), Zxid{1, 5});
  CHECK_FALSE(watch.Confirm(1));
  CHECK(watch.Confirm(2));
  CHECK(watch.confirmed().sent == milliseconds(20));
  CHECK(watch.confirmed().commit == Zxid{1, 4});
  CHECK_FALSE(watch.Confirm(2));
  CHECK_FALSE(watch.Confirm(4));  // never sent
  CHECK(watch.Confirm(3));
  watch.NumberPing(milliseconds(2000), Zxid{1, 5});
  CHECK_FALSE(watch.Confirm(1));
  CHECK(watch.confirmed().ping == 3);
}

TEST_CASE("what was committed a limit ago is known, unless nothing was established then") {
  Watch watch = NewWatch();
  CHECK_FALSE(watch.CommitLongAgo());
  watch.NumberPing(milliseconds(10), std::nullopt);
  watch.NumberPing(milliseconds(500), Zxid{1, 4});
  CHECK_FALSE(watch.CommitLongAgo());
  watch.NumberPing(milliseconds(1200), Zxid{1, 9});
  CHECK(watch.CommitLongAgo() == Zxid{1, 4});
}

}  // namespace
}  // namespace zkq::core
