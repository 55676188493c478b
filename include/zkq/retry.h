// Calls that are made again while that is right. A replica repeats of itself only what was lost
// with a leader (zkq/replica.h); here is the loop that most callers would write around a call.
//
//   const zkq::Env env = zkq::NewSystemEnv();  // one for the process; replicas may share it
//   auto reply = zkq::CallWithRetry(env, {.timeout = absl::Seconds(5)}, [&](auto timeout) {
//     return replica->Propose("x=1", {.timeout = timeout});
//   });
//
// Which attempt that has failed is followed by another (zkq/replica.h says what the codes mean):
//   an unknown outcome                        only if the policy says `idempotent`
//   kUnavailable, kAborted, kDeadlineExceeded yes
//   kUnknown                                  yes
//   kResourceExhausted                        with retry_after; without it the replica has halted
//   kFailedPrecondition, kCancelled,          no: it is shut down, or has halted. Yes, if the
//   kInternal, kDataLoss                      policy says `elsewhere`
//   any other                                 no: it is about the command, or the application's own
//
// An attempt comes after retry_after and a pause that grows from attempt to attempt. It is not
// made if that leaves it no time: then the caller gets the status of the last one. If the outcome
// of an attempt before that one is unknown, this status says "unknown", too.
//
// Over gRPC, what no replica has answered is unknown, even "connection refused" before anything
// was sent: without `idempotent` such a call is given up at its first attempt. So set it for
// every call that only reads.
//
// Time, timers and chance are Env's, so all of it works in virtual time.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "zkq/env.h"
#include "zkq/replica.h"

namespace zkq {
inline namespace v1 {

struct RetryPolicy {
  absl::Duration timeout = absl::Seconds(30);  // for all attempts and pauses; may be infinite
  absl::Duration initial_pause = absl::Milliseconds(10);  // at least 1 ms, at most max_pause
  absl::Duration max_pause = absl::Seconds(1);
  double multiplier = 2;  // of each pause to the one before; at least 1
  double jitter = 0.5;    // 0 to 1: up to this share of a pause is left out, by chance
  // To do it twice is to do it once. So are reads; a command may be by what it says ("x=1"), or
  // because the application recognises one that it has seen.
  bool idempotent = false;
  bool elsewhere = false;  // the next attempt is made at another server
};

// The attempts of one call: when the next may be made. One thread at a time.
class ZKQ_EXPORT Retry {
 public:
  // The time begins. Uses the clock and the random numbers of `env`.
  Retry(const Env& env, const RetryPolicy& policy);

  // Of policy.timeout: so long the next attempt may take.
  absl::Duration left() const;
  // How long to wait after an attempt that ended with *status until the next one is made, if
  // left() is not 0 by then. Nothing: none is made. *status becomes what the caller of the whole
  // is to be told unless another attempt follows.
  std::optional<absl::Duration> PauseAfter(absl::Status* status);

 private:
  bool MayRepeat(const absl::Status& status) const;
  absl::Duration DrawPause();

  const RetryPolicy policy_;
  const std::shared_ptr<Clock> clock_;
  const std::shared_ptr<Random> random_;
  const absl::Duration deadline_;
  absl::Duration pause_;  // the next one, before chance
  bool unknown_ = false;  // what has become of some attempt
};

// Waits, unless nothing can be waited for: inside a task of one of env's executors. Returns
// whether it has.
ZKQ_EXPORT bool Pause(const Env& env, absl::Duration pause);

// The blocking form. Calls attempt(timeout), which returns an absl::Status or StatusOr<T>, and
// returns what the last attempt did. Inside a callback or a StateMachine call it makes one attempt.
template <typename Attempt>
auto CallWithRetry(const Env& env, const RetryPolicy& policy, Attempt attempt) {
  const auto status_of = [](const auto& result) {
    if constexpr (std::is_same_v<decltype(result), const absl::Status&>) {
      return result;
    } else {
      return result.status();
    }
  };
  for (Retry retry(env, policy);;) {
    auto result = attempt(retry.left());
    absl::Status status = status_of(result);
    const std::optional<absl::Duration> pause = retry.PauseAfter(&status);
    if (pause && Pause(env, *pause) && retry.left() > absl::ZeroDuration()) continue;
    if (!status.ok()) result = std::move(status);
    return result;
  }
}

// The callback form: keeps the pauses of many calls. Thread-safe. Destroy it before what the
// attempts use, the replica above all, and not inside one of its callbacks.
//
//   retries.Call({.timeout = absl::Seconds(5)},
//                [&](absl::Duration timeout, auto done) {
//                  replica->Propose("x=1", {.timeout = timeout}, std::move(done));
//                },
//                [](absl::StatusOr<zkq::Reply> reply) { … });
class ZKQ_EXPORT Retries final {
 public:
  using Done = Replica::Callback<Reply>;
  // Begins an attempt, without blocking, and has `done` called once. From then on it may be called
  // again, on another thread.
  using Attempt = absl::AnyInvocable<void(absl::Duration timeout, Done done)>;

  // At most `pauses_max` calls pause at a time. One more is not made again: its caller gets the
  // status of its last attempt.
  explicit Retries(const Env& env, size_t pauses_max = 10'000);
  // Makes no further attempt: calls that pause get the status of their last one inside of this,
  // and none is being begun when it returns. Calls under way are told of as ever.
  ~Retries();

  // Makes the first attempt inside this call, the others in tasks of env.blocking_executor.
  // `done` is called once: inside the `done` of the last attempt, in such a task if that comes too
  // late for another attempt, or in the destructor. Null: nobody wants to know.
  void Call(const RetryPolicy& policy, Attempt attempt, Done done);

 private:
  class Core;
  const std::shared_ptr<Core> core_;
};

}  // namespace v1
}  // namespace zkq
