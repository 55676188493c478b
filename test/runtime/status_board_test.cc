#include "lib/runtime/status_board.h"

#include "test/harness/catch.h"

namespace zkq::runtime {
namespace {

TEST_CASE("the newest snapshot stays the last one, also when an older one is done after it") {
  StatusBoard board(ServerId{1});
  board.SetSnapshot({2, 7});
  board.SetSnapshot({1, 9});
  REQUIRE(board.Get().last_snapshot == Zxid{2, 7});
}

}  // namespace
}  // namespace zkq::runtime
