// Random walks of whole ensembles on the bare core.
#include "test/core/walk.h"

#include <cstdio>
#include <cstdlib>

#include "test/core/changes_walk.h"
#include "test/harness/catch.h"

namespace zkq::core {
namespace {

TEST_CASE("random walks of three servers keep every property and settle") {
  for (uint64_t seed = 1; seed <= 300; ++seed) REQUIRE(Walk(seed, 3, 120) == "");
}

TEST_CASE("random walks of five servers keep every property and settle") {
  for (uint64_t seed = 1; seed <= 100; ++seed) REQUIRE(Walk(seed, 5, 120) == "");
}

TEST_CASE("random walks of one and two servers keep every property and settle") {
  for (uint64_t seed = 1; seed <= 50; ++seed) REQUIRE(Walk(seed, 1, 60) == "");
  for (uint64_t seed = 1; seed <= 50; ++seed) REQUIRE(Walk(seed, 2, 60) == "");
}

TEST_CASE("random walks under blind elections lose nothing") {
  size_t applied = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) REQUIRE(WalkBlindly(seed, 3, 300, &applied) == "");
  REQUIRE(applied > 1000);
}

TEST_CASE("random walks with changes of the configuration keep every property and settle") {
  ChangesTally tally;
  for (uint64_t seed = 1; seed <= 150; ++seed) REQUIRE(WalkWithChanges(seed, 300, &tally) == "");
  REQUIRE(tally.changes > 300);
  REQUIRE(tally.lost > 50);
  REQUIRE(tally.returned > 5);
  REQUIRE(tally.beside > 5);
  REQUIRE(tally.handed_over > 30);
  REQUIRE(tally.with_removed > 50);
}

}  // namespace
}  // namespace zkq::core
