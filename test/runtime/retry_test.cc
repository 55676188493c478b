// zkq/retry.h in virtual time: with attempts that are made up, and with a replica's.
#include "zkq/retry.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "test/harness/catch.h"
#include "test/runtime/cluster.h"
#include "zkq/status.h"
#include "zkq/testing/sim.h"

namespace zkq::runtime {
namespace {

using Code = absl::StatusCode;
using testing::SimClock;
using testing::SimExecutor;
using testing::SimRandom;
using testing::SimScheduler;

Env EnvOn(SimScheduler* scheduler) {
  return {.clock = std::make_shared<SimClock>(scheduler),
          .executor = std::make_shared<SimExecutor>(scheduler),
          .blocking_executor = std::make_shared<SimExecutor>(scheduler),
          .random = std::make_shared<SimRandom>(7)};
}

absl::Status Failed(Code code, Outcome outcome = Outcome::kNotCommitted) {
  return MakeError(code, "why", {.outcome = outcome});
}

// The statuses that attempts end with, one after the other; the last one goes on.
class Attempts {
 public:
  Attempts(SimScheduler* scheduler, std::vector<absl::Status> ends)
      : scheduler_(*scheduler), ends_(std::move(ends)) {}

  absl::Status Make(absl::Duration timeout) {
    at.push_back(scheduler_.now());
    timeouts.push_back(timeout);
    return ends_[std::min(at.size(), ends_.size()) - 1];
  }

  std::vector<absl::Duration> at, timeouts;

 private:
  SimScheduler& scheduler_;
  const std::vector<absl::Status> ends_;
};

// How many attempts are made of which the first ends with `status`, and others would succeed.
size_t AttemptsAfter(const absl::Status& status, RetryPolicy policy) {
  SimScheduler scheduler(1);
  Attempts attempts(&scheduler, {status, absl::OkStatus()});
  const absl::Status end = CallWithRetry(
      EnvOn(&scheduler), policy, [&](absl::Duration timeout) { return attempts.Make(timeout); });
  CHECK(end == (attempts.at.size() == 2 ? absl::OkStatus() : status));
  return attempts.at.size();
}

TEST_CASE("an attempt follows where its code says that it may do better") {
  const auto repeated = [](Code code) { return AttemptsAfter(Failed(code), {}) == 2; };
  CHECK(repeated(Code::kUnavailable));
  CHECK(repeated(Code::kAborted));
  CHECK(repeated(Code::kDeadlineExceeded));
  CHECK_FALSE(repeated(Code::kInvalidArgument));
  CHECK_FALSE(repeated(Code::kNotFound));
  CHECK_FALSE(repeated(Code::kAlreadyExists));
  CHECK_FALSE(repeated(Code::kUnimplemented));
  for (const Code over : {Code::kFailedPrecondition, Code::kCancelled, Code::kInternal,
                          Code::kDataLoss, Code::kResourceExhausted}) {
    INFO(absl::StatusCodeToString(over));
    CHECK_FALSE(repeated(over));
    CHECK(AttemptsAfter(Failed(over), {.elsewhere = true}) == 2);
  }
  const auto busy =
      MakeError(Code::kResourceExhausted, "busy", {.retry_after = absl::Milliseconds(20)});
  CHECK(AttemptsAfter(busy, {}) == 2);
}

TEST_CASE("what may have happened is repeated only if that does no harm") {
  for (const Code code : {Code::kUnavailable, Code::kDeadlineExceeded, Code::kUnknown}) {
    const absl::Status unknown = Failed(code, Outcome::kUnknown);
    CHECK(AttemptsAfter(unknown, {}) == 1);
    CHECK(AttemptsAfter(unknown, {.elsewhere = true}) == 1);
    CHECK(AttemptsAfter(unknown, {.idempotent = true}) == 2);
    // Nobody knows of a status that zkq did not make, either.
    const absl::Status foreign(code, "theirs");
    CHECK(AttemptsAfter(foreign, {}) == 1);
    CHECK(AttemptsAfter(foreign, {.idempotent = true}) == 2);
  }
}

TEST_CASE("an earlier attempt that may have happened is not forgotten") {
  SimScheduler scheduler(1);
  Attempts attempts(&scheduler, {Failed(Code::kDeadlineExceeded, Outcome::kUnknown),
                                 Failed(Code::kUnavailable), Failed(Code::kInvalidArgument)});
  const absl::Status end =
      CallWithRetry(EnvOn(&scheduler), {.idempotent = true},
                    [&](absl::Duration timeout) { return attempts.Make(timeout); });
  CHECK(attempts.at.size() == 3);
  CHECK(end == Failed(Code::kInvalidArgument, Outcome::kUnknown));
}

TEST_CASE("nor is it when the next attempt cannot be waited for") {
  SimScheduler scheduler(1);
  const Env env = EnvOn(&scheduler);
  const absl::Status refused = MakeError(
      Code::kUnavailable, "why", {.leader = ServerId{2}, .retry_after = absl::Milliseconds(20)});
  Attempts attempts(&scheduler, {Failed(Code::kDeadlineExceeded, Outcome::kUnknown), refused});
  const absl::Status end = CallWithRetry(env, {.idempotent = true}, [&](absl::Duration timeout) {
    const absl::Status made = attempts.Make(timeout);
    // As in a process that was killed: no time passes any more.
    if (attempts.at.size() == 2) static_cast<SimExecutor&>(*env.executor).Stop();
    return made;
  });
  CHECK(attempts.at.size() == 2);
  CHECK(end == MakeError(Code::kUnavailable, "why",
                         {.outcome = Outcome::kUnknown,
                          .leader = ServerId{2},
                          .retry_after = absl::Milliseconds(20)}));
}

TEST_CASE("pauses grow up to the longest, and chance takes its share of them") {
  SimScheduler scheduler(1);
  Attempts attempts(&scheduler, {Failed(Code::kUnavailable)});
  const absl::Status end =
      CallWithRetry(EnvOn(&scheduler),
                    {.timeout = absl::Seconds(1),
                     .initial_pause = absl::Milliseconds(10),
                     .max_pause = absl::Milliseconds(100),
                     .multiplier = 3,
                     .jitter = 0.2},
                    [&](absl::Duration timeout) { return attempts.Make(timeout); });
  CHECK(end == Failed(Code::kUnavailable));
  absl::Duration longest = absl::Milliseconds(10);
  bool drawn = false;
  for (size_t i = 1; i < attempts.at.size(); ++i) {
    const absl::Duration pause = attempts.at[i] - attempts.at[i - 1];
    CHECK(pause <= longest);
    CHECK(pause >= longest * 0.8);
    drawn = drawn || pause < longest;
    longest = std::min(longest * 3, absl::Milliseconds(100));
  }
  CHECK(drawn);
  CHECK(attempts.at.size() >= 11);
}

TEST_CASE("the first pause is no longer than the longest") {
  SimScheduler scheduler(1);
  Attempts attempts(&scheduler, {Failed(Code::kUnavailable), absl::OkStatus()});
  const absl::Status end = CallWithRetry(
      EnvOn(&scheduler),
      {.initial_pause = absl::Seconds(5), .max_pause = absl::Milliseconds(100), .jitter = 0},
      [&](absl::Duration timeout) { return attempts.Make(timeout); });
  CHECK(end == absl::OkStatus());
  CHECK(attempts.at[1] == absl::Milliseconds(100));
}

TEST_CASE("nothing is asked again before retry_after") {
  SimScheduler scheduler(1);
  Attempts attempts(
      &scheduler,
      {MakeError(Code::kUnavailable, "", {.retry_after = absl::Seconds(2)}), absl::OkStatus()});
  const absl::Status end =
      CallWithRetry(EnvOn(&scheduler), {.initial_pause = absl::Milliseconds(1), .jitter = 0},
                    [&](absl::Duration timeout) { return attempts.Make(timeout); });
  CHECK(end == absl::OkStatus());
  CHECK(attempts.at[1] == absl::Milliseconds(2001));
}

TEST_CASE("an attempt gets the time that is left, and none is made without") {
  SimScheduler scheduler(1);
  Attempts attempts(&scheduler, {Failed(Code::kUnavailable)});
  const absl::Status end =
      CallWithRetry(EnvOn(&scheduler), {.timeout = absl::Milliseconds(25), .jitter = 0},
                    [&](absl::Duration timeout) { return attempts.Make(timeout); });
  CHECK(end == Failed(Code::kUnavailable));
  CHECK(attempts.timeouts ==
        std::vector<absl::Duration>{absl::Milliseconds(25), absl::Milliseconds(15)});
  // The next would come at 30 ms: nobody waits for that.
  CHECK(scheduler.now() == absl::Milliseconds(10));
}

TEST_CASE("no attempt is made after a pause that has lasted too long") {
  SimScheduler scheduler(1);
  Env env = EnvOn(&scheduler);
  const auto clock = std::make_shared<SimClock>(&scheduler);
  env.clock = clock;
  Attempts attempts(&scheduler, {Failed(Code::kUnavailable), Failed(Code::kAborted)});
  std::vector<absl::Status> told;
  scheduler.After(absl::Milliseconds(1), [&] { clock->Jump(absl::Hours(1)); });
  SECTION("in the blocking form") {
    told.push_back(
        CallWithRetry(env, {}, [&](absl::Duration timeout) { return attempts.Make(timeout); }));
  }
  SECTION("in the callback form") {
    Retries retries(env);
    retries.Call(
        {},
        [&](absl::Duration timeout, Retries::Done done) {
          std::move(done)(attempts.Make(timeout));
        },
        [&](const absl::StatusOr<Reply>& reply) { told.push_back(reply.status()); });
    scheduler.RunFor(absl::Minutes(1));
  }
  CHECK(attempts.at.size() == 1);
  CHECK(told == std::vector<absl::Status>{Failed(Code::kUnavailable)});
}

TEST_CASE("the blocking form returns what the last attempt did") {
  SimScheduler scheduler(1);
  int made = 0;
  const absl::StatusOr<std::string> got =
      CallWithRetry(EnvOn(&scheduler), {}, [&](absl::Duration) -> absl::StatusOr<std::string> {
        if (++made < 3) return Failed(Code::kUnavailable);
        return "third";
      });
  CHECK(got == absl::StatusOr<std::string>("third"));
}

TEST_CASE("where nothing can be waited for, one attempt is made") {
  SimScheduler scheduler(1);
  const Env env = EnvOn(&scheduler);
  Attempts attempts(&scheduler, {Failed(Code::kUnavailable)});
  const auto call = [&] {
    CHECK(CallWithRetry(env, {.timeout = absl::InfiniteDuration()}, [&](absl::Duration timeout) {
            return attempts.Make(timeout);
          }) == Failed(Code::kUnavailable));
  };
  env.executor->Run(call);
  env.blocking_executor->Run(call);
  scheduler.After(absl::ZeroDuration(), call);  // a task of somebody else
  scheduler.RunFor(absl::Seconds(1));
  CHECK(attempts.at.size() == 3);
  static_cast<SimExecutor&>(*env.executor).Stop();  // a process that was killed
  call();
  CHECK(attempts.at.size() == 4);
}

TEST_CASE("a thread that has other work is not held up by a pause") {
  const Env env = NewSystemEnv();
  for (Executor* const executor : {env.executor.get(), env.blocking_executor.get()}) {
    std::atomic<int> paused = -1;
    executor->Run([env, &paused] {
      paused = Pause(env, absl::Hours(1));
      env.executor->Wake();
    });
    REQUIRE(env.executor->Await([&] { return paused != -1; }, absl::Minutes(1)));
    CHECK(paused == 0);
  }
}

// Attempts in callback form, and what the caller was told, each time.
struct Told {
  Retries::Done Teller() {
    return [this](absl::StatusOr<Reply> reply) { all.push_back(std::move(reply).status()); };
  }
  std::vector<absl::Status> all;
};

TEST_CASE("the callback form makes its attempts in tasks, and tells once") {
  SimScheduler scheduler(1);
  const Env env = EnvOn(&scheduler);
  Attempts attempts(&scheduler,
                    {Failed(Code::kUnavailable), Failed(Code::kAborted), absl::OkStatus()});
  Told told;
  Retries retries(env);
  retries.Call(
      {},
      [&](absl::Duration timeout, Retries::Done done) {
        CHECK(env.blocking_executor->InTask() == !attempts.at.empty());
        const absl::Status end = attempts.Make(timeout);
        std::move(done)(end.ok() ? absl::StatusOr<Reply>(Reply()) : end);
      },
      told.Teller());
  CHECK(attempts.at.size() == 1);
  CHECK(told.all.empty());
  scheduler.RunFor(absl::Minutes(1));
  CHECK(attempts.at.size() == 3);
  CHECK(told.all == std::vector<absl::Status>{absl::OkStatus()});
}

TEST_CASE("with the Retries pauses end, and calls under way are told as ever") {
  SimScheduler scheduler(1);
  const Env env = EnvOn(&scheduler);
  Told paused, under_way;
  Retries::Done answer;
  int made = 0;
  std::optional<Retries> retries(env);
  retries->Call(
      {},
      [&](absl::Duration, Retries::Done done) {
        ++made;
        std::move(done)(Failed(Code::kUnavailable));
      },
      paused.Teller());
  retries->Call(
      {}, [&](absl::Duration, Retries::Done done) { answer = std::move(done); },
      under_way.Teller());
  retries.reset();
  CHECK(paused.all == std::vector<absl::Status>{Failed(Code::kUnavailable)});
  CHECK(under_way.all.empty());
  std::move(answer)(Failed(Code::kAborted));
  CHECK(under_way.all == std::vector<absl::Status>{Failed(Code::kAborted)});
  scheduler.RunFor(absl::Minutes(1));
  CHECK(made == 1);
}

TEST_CASE("more calls than may pause are not made again") {
  SimScheduler scheduler(1);
  Told told;
  Retries retries(EnvOn(&scheduler), /*pauses_max=*/2);
  for (int i = 0; i < 3; ++i) {
    retries.Call(
        {}, [](absl::Duration, Retries::Done done) { std::move(done)(Failed(Code::kUnavailable)); },
        told.Teller());
  }
  CHECK(told.all.size() == 1);
}

TEST_CASE("nor is it forgotten by the callback form, whose pause ends or finds no room") {
  const absl::Status unknown = Failed(Code::kUnavailable, Outcome::kUnknown);
  const bool room = GENERATE(true, false);
  CAPTURE(room);
  SimScheduler scheduler(1);
  Attempts attempts(&scheduler, {unknown, Failed(Code::kUnavailable)});
  Told told;
  std::optional<Retries> retries(std::in_place, EnvOn(&scheduler), /*pauses_max=*/1);
  const auto fail = [](absl::Duration, Retries::Done done) {
    std::move(done)(Failed(Code::kUnavailable));
  };
  retries->Call(
      {.idempotent = true},
      [&](absl::Duration timeout, Retries::Done done) {
        const absl::Status end = attempts.Make(timeout);
        if (attempts.at.size() == 2 && !room) retries->Call({}, fail, nullptr);
        std::move(done)(end);
      },
      told.Teller());
  scheduler.RunFor(absl::Milliseconds(10));
  REQUIRE(attempts.at.size() == 2);
  CHECK(told.all.empty() == room);
  retries.reset();
  CHECK(told.all == std::vector<absl::Status>{unknown});
}

// --- with replicas -------------------------------------------------------------------

TEST_CASE("a write is made again until there is a leader to take it") {
  Cluster cluster(3);
  cluster.Start(1);
  const Env env = EnvOn(&cluster.scheduler);
  std::optional<absl::StatusOr<Reply>> told;
  Retries retries(env);
  retries.Call(
      {.timeout = absl::InfiniteDuration()},
      [&](absl::Duration timeout, Retries::Done done) {
        cluster.at(1).Propose("x=1", {.timeout = timeout}, std::move(done));
      },
      [&](absl::StatusOr<Reply> reply) { told = std::move(reply); });
  cluster.scheduler.RunFor(absl::Seconds(30));
  REQUIRE(!told);
  cluster.Start(2);
  cluster.Start(3);
  REQUIRE(cluster.Until([&] { return told.has_value(); }));
  CHECK(told->ok());
  CHECK(cluster.seen(1).commands == std::vector<std::string>{"x=1"});

  const absl::StatusOr<Reply> read = CallWithRetry(
      env, {}, [&](auto timeout) { return cluster.at(2).Read("last", {.timeout = timeout}); });
  CHECK(read->value == "x=1");
}

TEST_CASE("a write is not made again at a replica that is shut down") {
  Cluster cluster(3);
  cluster.Start(1);
  std::optional<absl::StatusOr<Reply>> told;
  Retries retries(EnvOn(&cluster.scheduler));
  retries.Call(
      {.timeout = absl::InfiniteDuration()},
      [&](absl::Duration timeout, Retries::Done done) {
        cluster.at(1).Propose("x=1", {.timeout = timeout}, std::move(done));
      },
      [&](absl::StatusOr<Reply> reply) { told = std::move(reply); });
  cluster.scheduler.RunFor(absl::Seconds(1));
  REQUIRE(cluster.at(1).Shutdown(absl::Seconds(1)) == absl::OkStatus());
  REQUIRE(cluster.Until([&] { return told.has_value(); }));
  CHECK(told->status().code() == Code::kFailedPrecondition);
  CHECK(GetErrorInfo(told->status()).outcome == Outcome::kNotCommitted);
}

}  // namespace
}  // namespace zkq::runtime
