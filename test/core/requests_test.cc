// Requests alone: what of a burst leaves when.
#include "lib/core/requests.h"

#include "test/harness/catch.h"
#include "zkq/wire.h"

namespace zkq::core {
namespace {

constexpr size_t kCredit = 8 << 20;

std::vector<Call> Calls(uint64_t first, size_t count, size_t bytes) {
  std::vector<Call> calls;
  for (size_t i = 0; i < count; ++i) {
    calls.push_back(MakeCall(first + i, Payload(std::string(bytes, 'c'))));
  }
  return calls;
}

std::vector<uint64_t> Tags(uint64_t first, uint64_t last) {
  std::vector<uint64_t> tags;
  for (uint64_t tag = first; tag <= last; ++tag) tags.push_back(tag);
  return tags;
}

TEST_CASE("a burst leaves in its order and in bounded pieces, until the credit is used up") {
  constexpr size_t kBytes = (256 << 10) - kCallBytes;
  Requests requests(kCredit);
  requests.Add(Calls(1, 64, kBytes));
  for (uint64_t first = 1; first <= 32; first += 4) {
    REQUIRE(TagsOf(requests.Take()) == Tags(first, first + 3));
  }
  REQUIRE(requests.Take().empty());
  requests.Settle(2);
  requests.Settle(2);  // proposed, and told again: it counts once
  REQUIRE(TagsOf(requests.Take()) == Tags(33, 33));
  REQUIRE(requests.Take().empty());
}

TEST_CASE("small calls leave together, but not without end") {
  Requests requests(kCredit);
  requests.Add(Calls(1, kRequestCallsMax + 5, 0));
  REQUIRE(requests.Take().size() == kRequestCallsMax);
  REQUIRE(requests.Take().size() == 5);
}

TEST_CASE("a call larger than a piece and the credit leaves alone, when nothing is under way") {
  Requests requests(kCredit);
  requests.Add(Calls(1, 1, 10));
  requests.Add(Calls(2, 2, kCredit + 1));
  REQUIRE(TagsOf(requests.Take()) == Tags(1, 1));
  REQUIRE(requests.Take().empty());
  requests.Settle(1);
  REQUIRE(TagsOf(requests.Take()) == Tags(2, 2));
  REQUIRE(requests.Take().empty());
}

TEST_CASE("there is room for what the credit lets leave at once, and none while a call waits") {
  Requests requests(kCredit);
  REQUIRE(requests.room() == kCredit);
  requests.Add(Calls(1, 2, 1000));
  requests.Take();
  REQUIRE(requests.room() == kCredit - 2 * (1000 + kCallBytes));
  requests.Add(Calls(3, 1, kCredit));
  REQUIRE(requests.Take().empty());
  REQUIRE(requests.room() == 0);
  requests.Settle(1);
  requests.Settle(2);
  requests.Take();
  REQUIRE(requests.room() == 0);  // a large one uses more than the credit
  requests.Settle(3);
  REQUIRE(requests.room() == kCredit);
}

TEST_CASE("what has not left when the session ends is told, and the whole credit is back") {
  Requests requests(kCredit);
  requests.Add(Calls(1, 3, kCredit));
  REQUIRE(TagsOf(requests.Take()) == Tags(1, 1));
  REQUIRE(requests.End() == Tags(2, 3));
  requests.Settle(1);
  REQUIRE(requests.Take().empty());
  REQUIRE(requests.room() == kCredit);
}

}  // namespace
}  // namespace zkq::core
