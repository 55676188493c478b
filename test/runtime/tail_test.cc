#include "lib/runtime/tail.h"

#include "test/harness/catch.h"
#include "zkq/wire.h"

namespace zkq::runtime {
namespace {

std::vector<Txn> Txns(uint32_t from, uint32_t to) {
  std::vector<Txn> txns;
  for (uint32_t i = from; i <= to; ++i) {
    const Zxid prev = i == 1 ? Zxid{} : Zxid{1, i - 1};
    txns.push_back(EncodeTxn({1, i}, prev, TxnKind::kCommand, {}, 0, "x"));
  }
  return txns;
}

std::vector<uint32_t> Counters(const std::vector<Txn>& txns) {
  std::vector<uint32_t> counters;
  for (const Txn& txn : txns) counters.push_back(txn.zxid.counter);
  return counters;
}

using List = std::vector<uint32_t>;

TEST_CASE("what follows is taken, up to what is asked for") {
  Tail tail(1 << 20, 100);
  tail.Append(Txns(1, 5));
  REQUIRE(Counters(tail.Take({}, {1, 3}, 10)) == List{1, 2, 3});
  REQUIRE(Counters(tail.Take({1, 3}, {1, 5}, 1)) == List{4});
  REQUIRE(Counters(tail.Take({1, 4}, {1, 9}, 10)) == List{5});
  REQUIRE(tail.Take({1, 5}, {1, 9}, 10).empty());
}

TEST_CASE("nothing is taken across what has been dropped") {
  Tail tail(1 << 20, 3);
  tail.Append(Txns(1, 5));
  REQUIRE(tail.Take({1, 1}, {1, 5}, 10).empty());
  REQUIRE(Counters(tail.Take({1, 2}, {1, 5}, 10)) == List{3, 4, 5});
}

TEST_CASE("the bound in bytes drops the oldest") {
  const std::vector<Txn> txns = Txns(1, 10);
  Tail tail(3 * txns[5].encoded.size(), 100);
  tail.Append(txns);
  REQUIRE(tail.Take({1, 1}, {1, 10}, 10).empty());
  REQUIRE(tail.Take({1, 8}, {1, 10}, 10).size() == 2);
}

TEST_CASE("a cut takes back what lies behind it") {
  Tail tail(1 << 20, 100);
  tail.Append(Txns(1, 5));
  tail.Truncate({1, 2});
  REQUIRE(Counters(tail.Take({}, {9, 9}, 10)) == List{1, 2});
  const std::vector<Txn> other{EncodeTxn({2, 1}, {1, 2}, TxnKind::kCommand, {}, 0, "y")};
  tail.Append(other);
  REQUIRE(Counters(tail.Take({1, 2}, {9, 9}, 10)) == List{1});
}

}  // namespace
}  // namespace zkq::runtime
