#include "zkq/retry.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "lib/base/absl/string_view.h"
#include "zkq/status.h"

namespace zkq {
namespace {

constexpr absl::Duration kPauseMin = absl::Milliseconds(1);

absl::Duration LongestPause(const RetryPolicy& policy) {
  return std::max(policy.max_pause, kPauseMin);
}

}  // namespace

inline namespace v1 {

// --- one call ------------------------------------------------------------------------

Retry::Retry(const Env& env, const RetryPolicy& policy)
    : policy_(policy),
      clock_(env.clock),
      random_(env.random),
      deadline_(clock_->Monotonic() + policy.timeout),
      pause_(std::clamp(policy.initial_pause, kPauseMin, LongestPause(policy))) {}

absl::Duration Retry::left() const {
  return std::max(deadline_ - clock_->Monotonic(), absl::ZeroDuration());
}

std::optional<absl::Duration> Retry::PauseAfter(absl::Status* status) {
  if (status->ok()) return std::nullopt;
  ErrorInfo info = GetErrorInfo(*status);
  if (info.outcome == Outcome::kUnknown) {
    unknown_ = true;
  } else if (unknown_) {
    info.outcome = Outcome::kUnknown;
    *status = MakeError(status->code(), FromAbsl(status->message()), info);
  }
  if (!MayRepeat(*status) || (unknown_ && !policy_.idempotent)) return std::nullopt;
  const absl::Duration pause = info.retry_after + DrawPause();
  return pause < left() ? std::optional(pause) : std::nullopt;
}

bool Retry::MayRepeat(const absl::Status& status) const {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnknown:
      return true;
    case absl::StatusCode::kResourceExhausted:
      return policy_.elsewhere || GetErrorInfo(status).retry_after > absl::ZeroDuration();
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
      return policy_.elsewhere;
    default:
      return false;
  }
}

absl::Duration Retry::DrawPause() {
  const double chance = std::ldexp(static_cast<double>(random_->Next()), -64);
  const absl::Duration drawn = pause_ * (1 - std::clamp(policy_.jitter, 0.0, 1.0) * chance);
  pause_ = std::min(pause_ * std::max(policy_.multiplier, 1.0), LongestPause(policy_));
  return drawn;
}

bool Pause(const Env& env, absl::Duration pause) {
  if (env.executor->InTask() || env.blocking_executor->InTask()) return false;
  const absl::Duration begin = env.clock->Monotonic();
  env.executor->Await([] { return false; }, pause);
  // In a simulation no time passes inside anybody's task, nor for a process that was killed.
  return env.clock->Monotonic() > begin;
}

// --- many calls ----------------------------------------------------------------------

// Shared with the calls under way, which may outlive the Retries.
class Retries::Core : public std::enable_shared_from_this<Core> {
 public:
  struct Calling {
    Retry retry;
    Attempt attempt;
    Done done;
    absl::Status last = absl::OkStatus();  // how the attempt before the pause has ended
    uint64_t timer = 0;                    // of the pause
  };
  using CallingPtr = std::shared_ptr<Calling>;

  Core(const Env& env, size_t pauses_max) : env_(env), pauses_max_(pauses_max) {}

  const Env& env() const { return env_; }
  void Begin(const CallingPtr& calling) {
    calling->attempt(calling->retry.left(),
                     [self = shared_from_this(), calling](absl::StatusOr<Reply> result) {
                       self->Answered(calling, std::move(result));
                     });
  }
  void Close();

 private:
  void Answered(const CallingPtr& calling, absl::StatusOr<Reply> result);
  bool StartPause(const CallingPtr& calling, absl::Duration pause);
  void Resume(uint64_t number);

  const Env env_;
  const size_t pauses_max_;
  std::mutex mutex_;  // of all that follows
  bool closed_ = false;
  int beginning_ = 0;  // calls whose pause is over, and whose next attempt is not made yet
  uint64_t last_number_ = 0;
  std::map<uint64_t, CallingPtr> pausing_;  // at most pauses_max_
};

void Retries::Core::Answered(const CallingPtr& calling, absl::StatusOr<Reply> result) {
  if (result.ok()) return std::move(calling->done)(std::move(result));
  calling->last = std::move(result).status();
  const std::optional<absl::Duration> pause = calling->retry.PauseAfter(&calling->last);
  if (pause && StartPause(calling, *pause)) return;
  std::move(calling->done)(std::move(calling->last));
}

bool Retries::Core::StartPause(const CallingPtr& calling, absl::Duration pause) {
  const std::lock_guard lock(mutex_);
  if (closed_ || pausing_.size() >= pauses_max_) return false;
  const uint64_t number = ++last_number_;
  pausing_[number] = calling;
  calling->timer = env_.blocking_executor->RunAfter(
      pause, [self = shared_from_this(), number] { self->Resume(number); });
  return true;
}

void Retries::Core::Resume(uint64_t number) {
  CallingPtr calling;
  {
    const std::lock_guard lock(mutex_);
    const auto found = pausing_.find(number);
    if (found == pausing_.end()) return;
    calling = std::move(found->second);
    pausing_.erase(found);
    ++beginning_;
  }
  if (calling->retry.left() > absl::ZeroDuration()) {
    Begin(calling);
  } else {  // the timer was late
    std::move(calling->done)(std::move(calling->last));
  }
  {
    const std::lock_guard lock(mutex_);
    --beginning_;
  }
  env_.executor->Wake();  // Close
}

void Retries::Core::Close() {
  std::map<uint64_t, CallingPtr> pausing;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    pausing.swap(pausing_);
  }
  for (auto& [number, calling] : pausing) {
    env_.blocking_executor->Cancel(calling->timer);
    std::move(calling->done)(std::move(calling->last));
  }
  const auto none_begins = [this] {
    const std::lock_guard lock(mutex_);
    return beginning_ == 0;
  };
  env_.executor->Await(none_begins, absl::InfiniteDuration());
}

Retries::Retries(const Env& env, size_t pauses_max)
    : core_(std::make_shared<Core>(env, pauses_max)) {}

Retries::~Retries() { core_->Close(); }

void Retries::Call(const RetryPolicy& policy, Attempt attempt, Done done) {
  if (done == nullptr) done = [](const absl::StatusOr<Reply>&) {};
  core_->Begin(std::make_shared<Core::Calling>(Core::Calling{.retry = Retry(core_->env(), policy),
                                                             .attempt = std::move(attempt),
                                                             .done = std::move(done)}));
}

}  // namespace v1
}  // namespace zkq
