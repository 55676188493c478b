#include "lib/base/hash128.h"

#include "test/harness/catch.h"

namespace zkq {
namespace {

TEST_CASE("Fnv1a128 gives the published hashes") {
  REQUIRE(ToString(Fnv1a128("")) == "6c62272e07bb014262b821756295c58d");
  REQUIRE(ToString(Fnv1a128("a")) == "d228cb696f1a8caf78912b704e4a8964");
  REQUIRE(ToString(Fnv1a128("foobar")) == "343e1662793c64bf6f0d3597ba446f18");
}

TEST_CASE("a hash can be continued") {
  REQUIRE(Fnv1a128("bar", Fnv1a128("foo")) == Fnv1a128("foobar"));
}

TEST_CASE("a hash is known at compile time") {
  static_assert(Fnv1a128("a") != Fnv1a128("b"));
  SUCCEED();
}

}  // namespace
}  // namespace zkq
