#include "lib/runtime/calls.h"

#include "test/harness/catch.h"
#include "zkq/testing/sim.h"

namespace zkq::runtime {
namespace {

using Kind = Calls::Kind;
using Verdict = Calls::Verdict;

absl::Status Late(Fate fate) { return TimedOut(fate, std::nullopt); }

struct Desk final : Halter {
  explicit Desk(size_t room = 1 << 20) : calls(&strand, executor.get(), this, room) {}
  ~Desk() override { executor->Stop(); }
  void Halt(absl::Status why) override { told += "halt " + why.ToString(); }

  // Each call is known by a word; what it is told is written into `told`, in order.
  Caller Says(std::string word, bool waits = false) {
    return {.done = [this, word](absl::StatusOr<Reply> reply) { told += word + Text(reply); },
            .waits = waits};
  }
  uint64_t Add(Kind kind, std::string word, absl::Duration deadline = absl::InfiniteDuration()) {
    Caller caller = Says(word);
    const Calls::Added added = calls.Add(kind, word, deadline, &caller);
    REQUIRE(added.verdict == Verdict::kAdded);
    return added.tag;
  }
  bool Fits(size_t bytes) {
    Caller caller;
    return calls.Add(Kind::kWrite, std::string(bytes, 'x'), absl::InfiniteDuration(), &caller)
               .verdict == Verdict::kAdded;
  }
  // What was told since the last time.
  std::string Told() {
    scheduler.RunFor(absl::Seconds(1));
    return std::exchange(told, "");
  }
  static std::string Text(const absl::StatusOr<Reply>& reply) {
    if (reply.ok()) return "=" + reply->value + " ";
    return GetErrorInfo(reply.status()).outcome == Outcome::kUnknown ? " unknown " : " no ";
  }

  testing::SimScheduler scheduler{1};
  std::shared_ptr<testing::SimExecutor> executor =
      std::make_shared<testing::SimExecutor>(&scheduler);
  Strand strand{executor};
  std::string told;
  Calls calls;
};

Reply Yes() { return {.zxid = {1, 1}, .value = "yes"}; }

TEST_CASE("calls are taken in the order they were made, once") {
  Desk desk;
  const uint64_t a = desk.Add(Kind::kWrite, "a"), b = desk.Add(Kind::kWrite, "b");
  const uint64_t r = desk.Add(Kind::kIndexRead, "r");
  desk.Add(Kind::kRead, "local");
  const Calls::Taken taken = desk.calls.Take(SIZE_MAX);
  REQUIRE(taken.writes.size() == 2);
  REQUIRE(taken.writes[0].tag == a);
  REQUIRE(taken.writes[0].command.view() == "a");
  REQUIRE(taken.writes[1].tag == b);
  REQUIRE(a < b);
  REQUIRE(taken.reads == std::vector{r});
  REQUIRE(desk.calls.Take(SIZE_MAX).writes.empty());
}

// Whether who takes must be woken for a call of each kind, made one after the other.
std::vector<bool> First(Desk* desk, const std::vector<Kind>& kinds) {
  std::vector<bool> first;
  for (const Kind kind : kinds) {
    Caller caller;
    first.push_back(desk->calls.Add(kind, "x", absl::InfiniteDuration(), &caller).first);
  }
  return first;
}

TEST_CASE("the first call to be taken since the last Take is said to be the first") {
  Desk desk;
  REQUIRE(First(&desk, {Kind::kWrite, Kind::kIndexRead, Kind::kWrite}) ==
          std::vector{true, false, false});
  desk.calls.Take(SIZE_MAX);
  REQUIRE(First(&desk, {Kind::kIndexRead, Kind::kWrite}) == std::vector{true, false});
}

TEST_CASE("a call that is not to be taken is never the first, nor does it keep another from it") {
  Desk desk;
  REQUIRE(First(&desk, {Kind::kSnapshot, Kind::kRead, Kind::kWrite, Kind::kRead}) ==
          std::vector{false, false, true, false});
}

TEST_CASE("a call is the first though writes wait that had no room") {
  Desk desk;
  REQUIRE(First(&desk, {Kind::kWrite, Kind::kWrite}) == std::vector{true, false});
  REQUIRE(desk.calls.Take(0).writes.empty());
  REQUIRE(First(&desk, {Kind::kIndexRead}) == std::vector{true});
  REQUIRE(desk.calls.Take(0).reads.size() == 1);
  REQUIRE(First(&desk, {Kind::kWrite}) == std::vector{true});
}

TEST_CASE("a call that is done is not done again, whoever finishes, fails or expires it") {
  Desk desk;
  const uint64_t tag = desk.Add(Kind::kWrite, "a", absl::Seconds(1));
  desk.calls.Finish({{tag, Yes()}});
  desk.calls.Finish({{tag, Reply{.value = "again"}}});
  desk.calls.Fail({tag}, Late);
  desk.calls.Expire(absl::Seconds(2), Late);
  desk.calls.Close(Late);
  REQUIRE(desk.Told() == "a=yes ");
  REQUIRE(desk.Told() == "");
}

TEST_CASE("callers are told in the order their calls were done, one batch in one task") {
  Desk desk;
  std::vector<Calls::Result> results;
  for (const char* word : {"a", "b", "c"}) {
    results.push_back({desk.Add(Kind::kWrite, word), Yes()});
  }
  std::swap(results[0], results[2]);
  results.push_back({results[1].tag, Reply{.value = "again"}});
  results.push_back({999, Yes()});
  desk.calls.Finish(std::move(results));
  REQUIRE(desk.told == "");  // not inside this call
  const uint64_t before = desk.scheduler.steps();
  REQUIRE(desk.Told() == "c=yes b=yes a=yes ");
  REQUIRE(desk.scheduler.steps() == before + 1);
}

TEST_CASE("a blocking form is told at once, whatever the callback strand does") {
  Desk desk;
  Caller waits = desk.Says("waits", true);
  const uint64_t a = desk.Add(Kind::kWrite, "a");
  const uint64_t b = desk.calls.Add(Kind::kWrite, "b", absl::InfiniteDuration(), &waits).tag;
  desk.calls.Finish({{a, Yes()}, {b, Yes()}});
  REQUIRE(desk.told == "waits=yes ");
  desk.calls.Refuse(ShutDown(), desk.Says("refused", true));
  REQUIRE(desk.told == "waits=yes refused no ");
  REQUIRE(desk.Told() == "waits=yes refused no a=yes ");
}

TEST_CASE("a write that expires before it is taken has not happened and is not proposed") {
  Desk desk;
  desk.Add(Kind::kWrite, "a", absl::Seconds(1));
  desk.calls.Expire(absl::Seconds(1), Late);
  REQUIRE(desk.Told() == "a no ");
  REQUIRE(desk.calls.Take(SIZE_MAX).writes.empty());
}

TEST_CASE("writes without room wait, in their order, and end there by their deadline") {
  Desk desk;
  const size_t one = 1 + Calls::kCallBytes;
  const uint64_t a = desk.Add(Kind::kWrite, "a"), b = desk.Add(Kind::kWrite, "b");
  desk.Add(Kind::kWrite, "c", absl::Seconds(1));
  const uint64_t d = desk.Add(Kind::kWrite, "d");
  REQUIRE(desk.calls.Take(0).writes.empty());
  std::vector<Call> writes = desk.calls.Take(2 * one).writes;
  REQUIRE(writes.size() == 2);
  REQUIRE(writes[0].tag == a);
  REQUIRE(writes[1].tag == b);
  desk.calls.Expire(absl::Seconds(1), Late);
  REQUIRE(desk.Told() == "c no ");
  writes = desk.calls.Take(1).writes;  // one always has room, where there is any
  REQUIRE(writes.size() == 1);
  REQUIRE(writes[0].tag == d);
}

TEST_CASE("a write that expires after it was taken may have happened, a read never has") {
  Desk desk;
  desk.Add(Kind::kWrite, "a", absl::Seconds(1));
  desk.Add(Kind::kIndexRead, "r", absl::Seconds(2));
  desk.calls.Take(SIZE_MAX);
  desk.calls.Expire(absl::Seconds(3), Late);
  REQUIRE(desk.Told() == "a unknown r no ");
}

TEST_CASE("calls that an installed snapshot passes over are failed, and later ones are not") {
  Desk desk;
  desk.Add(Kind::kWrite, "a");
  desk.Add(Kind::kIndexRead, "r");
  desk.calls.Take(SIZE_MAX);
  const uint64_t last = desk.calls.takes();
  desk.Add(Kind::kWrite, "b");
  desk.calls.Take(SIZE_MAX);
  desk.calls.FailTaken(last, Late);
  REQUIRE(desk.Told() == "a unknown ");
  REQUIRE(desk.calls.waiting() == 2);
}

TEST_CASE("calls that are put back are taken again in their order, and before newer ones") {
  Desk desk;
  const uint64_t a = desk.Add(Kind::kWrite, "a"), b = desk.Add(Kind::kWrite, "b");
  const uint64_t c = desk.Add(Kind::kWrite, "c");
  desk.calls.Take(SIZE_MAX);
  const uint64_t d = desk.Add(Kind::kWrite, "d");
  desk.calls.PutBack({c}, false);
  desk.calls.PutBack({a}, true);  // b is in the history
  const std::vector<Call> writes = desk.calls.Take(SIZE_MAX).writes;
  REQUIRE(TagsOf(writes) == std::vector{a, c, d});
  REQUIRE(writes[0].command.view() == "a");
  REQUIRE(desk.calls.Take(SIZE_MAX).writes.empty());
  desk.calls.Finish({{a, Yes()}, {b, Yes()}, {c, Yes()}, {d, Yes()}});
  REQUIRE(desk.Told() == "a=yes b=yes c=yes d=yes ");
}

TEST_CASE("a call that is put back has not happened while it waits, and never does once told so") {
  Desk desk;
  const uint64_t a = desk.Add(Kind::kWrite, "a", absl::Seconds(1));
  const uint64_t b = desk.Add(Kind::kWrite, "b", absl::Seconds(2));
  const uint64_t c = desk.Add(Kind::kWrite, "c", absl::Seconds(1));
  desk.calls.Take(SIZE_MAX);
  desk.calls.PutBack({a, b}, true);
  desk.calls.Expire(absl::Seconds(1), Late);
  REQUIRE(desk.Told() == "a no c unknown ");
  desk.calls.PutBack({a, c}, true);  // too late: both are told
  REQUIRE(TagsOf(desk.calls.Take(SIZE_MAX).writes) == std::vector{b});
  desk.calls.Expire(absl::Seconds(2), Late);
  REQUIRE(desk.Told() == "b unknown ");  // under way again
}

TEST_CASE("of calls that wait to be taken, the one that was sent before says so when it ends") {
  Desk desk;
  const uint64_t a = desk.Add(Kind::kWrite, "a"), b = desk.Add(Kind::kWrite, "b");
  desk.Add(Kind::kWrite, "c");
  desk.calls.Take(2 * (1 + Calls::kCallBytes));
  desk.calls.PutBack({a}, true);
  desk.calls.PutBack({a, b}, false);  // what is absent remains so until it leaves
  std::vector<Fate> fates;
  desk.calls.Close([&](Fate fate) {
    fates.push_back(fate);
    return EndedByShutdown(fate);
  });
  REQUIRE(fates == std::vector{Fate::kAbsent, Fate::kNotSent, Fate::kNotSent});
  REQUIRE(desk.Told() == "a no b no c no ");
}

TEST_CASE("a snapshot that is installed fails no call that was put back and taken again since") {
  Desk desk;
  const uint64_t a = desk.Add(Kind::kWrite, "a"), b = desk.Add(Kind::kWrite, "b");
  desk.calls.Take(SIZE_MAX);
  const uint64_t takes = desk.calls.takes();
  desk.calls.PutBack({b}, true);
  desk.calls.Take(SIZE_MAX);
  desk.calls.FailTaken(takes, Late);
  REQUIRE(desk.Told() == "a unknown ");
  REQUIRE(!desk.calls.Waits(a));
  REQUIRE(desk.calls.Waits(b));
}

TEST_CASE("each call expires at its own deadline") {
  Desk desk;
  REQUIRE(desk.calls.NextDeadline() == absl::InfiniteDuration());
  const uint64_t late = desk.Add(Kind::kWrite, "late", absl::Seconds(3));
  desk.Add(Kind::kWrite, "soon", absl::Seconds(1));
  desk.Add(Kind::kWrite, "never");
  REQUIRE(desk.calls.NextDeadline() == absl::Seconds(1));
  desk.calls.Expire(absl::Milliseconds(999), Late);
  REQUIRE(desk.Told() == "");
  desk.calls.Expire(absl::Seconds(1), Late);
  REQUIRE(desk.Told() == "soon no ");
  REQUIRE(desk.calls.NextDeadline() == absl::Seconds(3));
  desk.calls.Finish({{late, Yes()}});
  REQUIRE(desk.calls.NextDeadline() == absl::InfiniteDuration());
  desk.calls.Expire(absl::Hours(1), Late);
  REQUIRE(desk.Told() == "late=yes ");
  REQUIRE(desk.calls.waiting() == 1);
}

TEST_CASE("a call above the bound is refused, and fits again once a callback has run") {
  Desk desk(2000);
  Caller caller{.done = [&](absl::StatusOr<Reply>) {
    desk.told += desk.calls.outstanding_bytes() == 0 ? "free" : "held";
  }};
  const uint64_t tag =
      desk.calls.Add(Kind::kWrite, std::string(1500, 'x'), absl::InfiniteDuration(), &caller).tag;
  Caller kept = desk.Says("kept");
  REQUIRE(desk.calls.Add(Kind::kWrite, std::string(500, 'y'), absl::InfiniteDuration(), &kept)
              .verdict == Verdict::kOverloaded);
  REQUIRE(kept.done != nullptr);
  desk.calls.Finish({{tag, Yes()}});
  REQUIRE(desk.calls.outstanding_bytes() > 1500);
  REQUIRE(!desk.Fits(500));
  REQUIRE(desk.Told() == "free");
  REQUIRE(desk.Fits(1500));
}

TEST_CASE("empty calls count against the bound") {
  Desk desk(10'000);
  int added = 0;
  while (desk.Fits(0)) REQUIRE(++added < 10'000);
  REQUIRE(added > 0);
}

TEST_CASE("calls that wait at the close are failed in order, and none is taken on after it") {
  Desk desk;
  desk.Add(Kind::kWrite, "taken");
  desk.calls.Take(SIZE_MAX);
  desk.Add(Kind::kWrite, "waits");
  desk.calls.Close(EndedByShutdown);
  REQUIRE(desk.Told() == "taken unknown waits no ");
  Caller caller;
  REQUIRE(desk.calls.Add(Kind::kWrite, "", absl::InfiniteDuration(), &caller).verdict ==
          Verdict::kClosed);
  REQUIRE(desk.calls.Take(SIZE_MAX).writes.empty());
}

TEST_CASE("a read's request is there as long as the read waits") {
  Desk desk;
  const uint64_t tag = desk.Add(Kind::kRead, "key", absl::Seconds(1));
  REQUIRE(desk.calls.TakeRequest(tag) == "key");
  desk.calls.Expire(absl::Seconds(1), Late);
  REQUIRE(desk.calls.TakeRequest(tag) == std::nullopt);
}

TEST_CASE("the end runs each queued callback once, and a later call is told inside itself") {
  Desk desk;
  desk.calls.Finish({{desk.Add(Kind::kWrite, "a"), Yes()}});
  desk.calls.Refuse(Overloaded(1), desk.Says("b"));
  desk.strand.Close();
  desk.calls.End();
  REQUIRE(desk.told == "a=yes b no ");
  absl::Status later;
  desk.calls.Refuse(Overloaded(1),
                    {.done = [&](absl::StatusOr<Reply> reply) { later = reply.status(); }});
  REQUIRE(later.code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE(desk.Told() == "a=yes b no ");
}

TEST_CASE("an answer that takes virtual time is told when that time has passed") {
  Desk desk;
  const uint64_t tag = desk.Add(Kind::kWrite, "a", absl::Seconds(1));
  Strand apply(desk.executor);
  apply.Post([&] {
    desk.scheduler.Charge(absl::Seconds(2));
    desk.calls.Finish({{tag, Yes()}});
  });
  desk.scheduler.RunFor(absl::Milliseconds(1500));
  REQUIRE(desk.calls.waiting() == 1);
  desk.calls.Expire(absl::Seconds(1), Late);
  REQUIRE(desk.Told() == "a no ");
}

}  // namespace
}  // namespace zkq::runtime
