// Freshness and PingLog alone: since when a replica may lack a write.
#include "lib/core/freshness.h"

#include "lib/core/ping_log.h"
#include "test/harness/catch.h"

namespace zkq::core {
namespace {

using std::chrono::milliseconds;

TEST_CASE("freshness: a round counts once what was committed then is applied") {
  Freshness freshness;
  CHECK(!freshness.as_of());
  freshness.Confirm({1, 5}, milliseconds(10));
  CHECK(!freshness.as_of());
  freshness.Apply({1, 4});
  CHECK(!freshness.as_of());
  freshness.Apply({1, 5});
  CHECK(freshness.as_of() == milliseconds(10));
  freshness.Confirm({1, 5}, milliseconds(20));
  CHECK(freshness.as_of() == milliseconds(20));
}

TEST_CASE("freshness: of rounds that found the same committed the newest counts") {
  Freshness freshness;
  freshness.Confirm({1, 5}, milliseconds(10));
  freshness.Confirm({1, 5}, milliseconds(20));
  freshness.Confirm({1, 9}, milliseconds(30));
  freshness.Apply({1, 6});
  CHECK(freshness.as_of() == milliseconds(20));
}

TEST_CASE("freshness: it never falls, whatever a new leader says") {
  Freshness freshness;
  freshness.Apply({2, 9});
  freshness.Confirm({2, 9}, milliseconds(20));
  freshness.Confirm({2, 8}, milliseconds(10));
  CHECK(freshness.as_of() == milliseconds(20));
}

TEST_CASE("freshness: a machine that lags for long is followed by fewer rounds, in order") {
  Freshness freshness;
  for (uint32_t i = 1; i <= 1000; ++i) freshness.Confirm({1, i}, milliseconds(i));
  for (uint32_t i = 1; i <= 1000; ++i) {
    freshness.Apply({1, i});
    if (!freshness.as_of()) continue;
    CHECK(freshness.as_of() <= milliseconds(i));
    CHECK(freshness.as_of() > milliseconds(i) - milliseconds(64));
  }
  CHECK(freshness.as_of() == milliseconds(1000));
}

TEST_CASE("ping log: a round counts from the answer that the leader had heard when it began") {
  PingLog log;
  CHECK(!log.Take({.seq = 7}, milliseconds(100)));
  CHECK(!log.Take({.seq = 8, .heard = 7}, milliseconds(200)));
  CHECK(!log.Take({.seq = 9, .heard = 8}, milliseconds(300)));
  const auto confirmed = log.Take(
      {.seq = 10, .heard = 9, .confirmed = 8, .confirmed_commit = {1, 3}}, milliseconds(400));
  REQUIRE(confirmed);
  CHECK(confirmed->asked == milliseconds(100));
  CHECK(confirmed->commit == Zxid{1, 3});
  // Nothing new.
  CHECK(!log.Take({.seq = 11, .heard = 10, .confirmed = 8, .confirmed_commit = {1, 3}},
                  milliseconds(500)));
}

// As an observer gets them: 1, 4, 7 and 10 went to voters.
TEST_CASE("ping log: what confirms a ping confirms all that were sent before it") {
  PingLog log;
  CHECK(!log.Take({.seq = 2}, milliseconds(100)));
  CHECK(!log.Take({.seq = 5, .heard = 2, .confirmed = 1}, milliseconds(200)));
  CHECK(!log.Take({.seq = 8, .heard = 5, .confirmed = 4, .confirmed_commit = {1, 2}},
                  milliseconds(300)));  // when it sent 2 the leader had heard nothing
  const auto confirmed = log.Take(
      {.seq = 11, .heard = 8, .confirmed = 7, .confirmed_commit = {1, 3}}, milliseconds(400));
  REQUIRE(confirmed);
  CHECK(confirmed->asked == milliseconds(100));
  CHECK(confirmed->commit == Zxid{1, 3});
  const auto newer = log.Take({.seq = 14, .heard = 11, .confirmed = 10, .confirmed_commit = {1, 4}},
                              milliseconds(500));
  REQUIRE(newer);
  CHECK(newer->asked == milliseconds(200));
}

TEST_CASE("ping log: a round from before this session, or with nothing heard, tells nothing") {
  PingLog log;
  CHECK(!log.Take({.seq = 7, .heard = 0, .confirmed = 6, .confirmed_commit = {1, 3}},
                  milliseconds(100)));
  CHECK(!log.Take({.seq = 8, .heard = 0, .confirmed = 7, .confirmed_commit = {1, 3}},
                  milliseconds(200)));
}

// Parts of a long message are answered as ping 0, and a leader that has heard no answer says 0.
TEST_CASE("ping log: the answer to a part is no ping that a leader may have heard of") {
  PingLog log;
  CHECK(!log.Take({.seq = 0}, milliseconds(900)));
  CHECK(!log.Take({.seq = 7, .heard = 0}, milliseconds(1000)));
  CHECK(!log.Take({.seq = 8, .heard = 0, .confirmed = 7, .confirmed_commit = {1, 3}},
                  milliseconds(1001)));
}

TEST_CASE("ping log: what no leader says that is well costs no more than its bound") {
  PingLog log;
  for (uint64_t i = 1; i <= 5000; ++i) log.Take({.seq = i}, milliseconds(i));
  CHECK(!log.Take({.seq = 5001, .heard = 9000, .confirmed = 9000}, milliseconds(5001)));
  CHECK(!log.Take({.seq = 5002, .heard = 3, .confirmed = 9001}, milliseconds(5002)));
}

}  // namespace
}  // namespace zkq::core
