#include "lib/runtime/calls.h"

#include "lib/runtime/errors.h"
#include "test/harness/catch.h"

namespace zkq::runtime {
namespace {

using Kind = CallTable::Kind;
using Verdict = CallTable::Verdict;

constexpr size_t kRoom = 1 << 20;

absl::Status Late(bool sent) { return TimedOut(sent, std::nullopt); }

uint64_t Add(CallTable* table, Kind kind, std::string text,
             absl::Duration deadline = absl::InfiniteDuration()) {
  Caller caller;
  const CallTable::Added added = table->Add(kind, std::move(text), deadline, &caller);
  REQUIRE(added.verdict == Verdict::kAdded);
  return added.tag;
}

Outcome OutcomeOf(const Completion& completion) {
  return GetErrorInfo(completion.result.status()).outcome;
}

TEST_CASE("calls are taken in the order they were made, once") {
  CallTable table(kRoom);
  const uint64_t a = Add(&table, Kind::kWrite, "a"), b = Add(&table, Kind::kWrite, "b");
  const uint64_t r = Add(&table, Kind::kIndexRead, "r");
  Add(&table, Kind::kRead, "local");
  const CallTable::Taken taken = table.Take();
  REQUIRE(taken.writes.size() == 2);
  REQUIRE(taken.writes[0].tag == a);
  REQUIRE(taken.writes[0].command.view() == "a");
  REQUIRE(taken.writes[1].tag == b);
  REQUIRE(a < b);
  REQUIRE(taken.reads == std::vector{r});
  REQUIRE(table.Take().writes.empty());
}

TEST_CASE("who completes a call second finds nothing") {
  CallTable table(kRoom);
  const uint64_t tag = Add(&table, Kind::kWrite, "a", absl::Seconds(1));
  Completions out;
  table.Finish(tag, Reply{.zxid = {1, 1}, .value = "done"}, &out);
  table.Finish(tag, Reply{}, &out);
  table.Fail(std::vector{tag}, Late, &out);
  table.Expire(absl::Seconds(2), Late, &out);
  table.Close(Late, &out);
  REQUIRE(out.size() == 1);
  REQUIRE(out[0].result->value == "done");
}

TEST_CASE("a write that expires before it is taken has not happened and is not proposed") {
  CallTable table(kRoom);
  Add(&table, Kind::kWrite, "a", absl::Seconds(1));
  Completions out;
  table.Expire(absl::Seconds(1), Late, &out);
  REQUIRE(out.size() == 1);
  REQUIRE(OutcomeOf(out[0]) == Outcome::kNotCommitted);
  REQUIRE(table.Take().writes.empty());
}

TEST_CASE("a write that expires after it was taken may have happened, a read never has") {
  CallTable table(kRoom);
  Add(&table, Kind::kWrite, "a", absl::Seconds(1));
  Add(&table, Kind::kIndexRead, "r", absl::Seconds(2));
  table.Take();
  Completions out;
  table.Expire(absl::Seconds(3), Late, &out);
  REQUIRE(out.size() == 2);
  REQUIRE(OutcomeOf(out[0]) == Outcome::kUnknown);
  REQUIRE(OutcomeOf(out[1]) == Outcome::kNotCommitted);
}

TEST_CASE("deadlines expire each in its time") {
  CallTable table(kRoom);
  REQUIRE(table.NextDeadline() == absl::InfiniteDuration());
  Add(&table, Kind::kWrite, "late", absl::Seconds(3));
  Add(&table, Kind::kWrite, "soon", absl::Seconds(1));
  Add(&table, Kind::kWrite, "never");
  REQUIRE(table.NextDeadline() == absl::Seconds(1));
  Completions out;
  table.Expire(absl::Milliseconds(999), Late, &out);
  REQUIRE(out.empty());
  table.Expire(absl::Seconds(1), Late, &out);
  REQUIRE(out.size() == 1);
  table.Expire(absl::Hours(1), Late, &out);
  REQUIRE(out.size() == 2);
  REQUIRE(table.waiting() == 1);
}

TEST_CASE("deadlines survive the sweep of those whose calls have ended") {
  CallTable table(kRoom);
  const uint64_t kept = Add(&table, Kind::kWrite, "kept", absl::Seconds(1));
  Completions out;
  for (int i = 0; i < 10'000; ++i) {
    table.Finish(Add(&table, Kind::kWrite, "x", absl::Seconds(2)), Reply{}, &out);
    table.Release(out.back().bytes);
    out.clear();
  }
  table.Take();
  table.Expire(absl::Seconds(1), Late, &out);
  REQUIRE(out.size() == 1);
  table.Finish(kept, Reply{}, &out);
  REQUIRE(out.size() == 1);
}

TEST_CASE("what exceeds the bound is refused, and fits again when callbacks have run") {
  CallTable table(2000);
  Completions out;
  const uint64_t tag = Add(&table, Kind::kWrite, std::string(1500, 'x'));
  Caller caller{.done = [](absl::StatusOr<Reply>) {}};
  REQUIRE(
      table.Add(Kind::kWrite, std::string(500, 'y'), absl::InfiniteDuration(), &caller).verdict ==
      Verdict::kOverloaded);
  REQUIRE(caller.done != nullptr);
  table.Finish(tag, Reply{}, &out);
  REQUIRE(table.outstanding_bytes() > 1500);
  table.Release(out[0].bytes);
  REQUIRE(table.outstanding_bytes() == 0);
  Add(&table, Kind::kWrite, std::string(1500, 'z'));
}

TEST_CASE("empty calls are bounded too") {
  CallTable table(10'000);
  Caller caller;
  int added = 0;
  while (table.Add(Kind::kRead, "", absl::InfiniteDuration(), &caller).verdict == Verdict::kAdded) {
    REQUIRE(++added < 10'000);
  }
  REQUIRE(added > 0);
}

TEST_CASE("a closed table fails what it held, in order, and takes nothing on") {
  CallTable table(kRoom);
  Add(&table, Kind::kWrite, "taken");
  table.Take();
  Add(&table, Kind::kWrite, "waits");
  Completions out;
  table.Close([](bool sent) { return EndedByShutdown(sent); }, &out);
  REQUIRE(out.size() == 2);
  REQUIRE(OutcomeOf(out[0]) == Outcome::kUnknown);
  REQUIRE(OutcomeOf(out[1]) == Outcome::kNotCommitted);
  Caller caller;
  REQUIRE(table.Add(Kind::kWrite, "", absl::InfiniteDuration(), &caller).verdict ==
          Verdict::kClosed);
  REQUIRE(table.Take().writes.empty());
}

TEST_CASE("a read's request is there as long as the read waits") {
  CallTable table(kRoom);
  const uint64_t tag = Add(&table, Kind::kRead, "key", absl::Seconds(1));
  REQUIRE(table.TakeRequest(tag) == "key");
  Completions out;
  table.Expire(absl::Seconds(1), Late, &out);
  REQUIRE(table.TakeRequest(tag) == std::nullopt);
}

}  // namespace
}  // namespace zkq::runtime
