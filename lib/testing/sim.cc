#include "zkq/testing/sim.h"

#include <algorithm>

namespace zkq::testing {
inline namespace v1 {

uint64_t SimRandom::Next() {
  uint64_t z = (state_ += 0x9E37'79B9'7F4A'7C15);
  z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9;
  z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EB;
  return z ^ (z >> 31);
}

uint64_t SimScheduler::After(absl::Duration delay, Task task) {
  const uint64_t id = ++last_id_;
  const absl::Duration when = now() + std::max(delay, absl::ZeroDuration());
  due_.emplace(id, when);
  tasks_.emplace(Key{when, id}, std::move(task));
  return id;
}

bool SimScheduler::Cancel(uint64_t id) {
  const auto due = due_.find(id);
  if (due == due_.end()) return false;
  // Out of the queue first: what the task owns may call back while it goes.
  const auto cancelled = tasks_.extract({due->second, id});
  due_.erase(due);
  return true;
}

bool SimScheduler::RunUntil(absl::FunctionRef<bool()> condition, absl::Duration limit) {
  if (in_task_) return condition();
  const absl::Duration end = now_ + limit;
  while (!condition()) {
    if (tasks_.empty() || tasks_.begin()->first.first > end) {
      // With no task left nothing can change any more, however long one waits.
      if (end != absl::InfiniteDuration()) now_ = std::max(now_, end);
      return condition();
    }
    RunNext();
  }
  return true;
}

void SimScheduler::RunFor(absl::Duration duration) {
  RunUntil([] { return false; }, duration);
}

void SimScheduler::RunNext() {
  auto next = tasks_.extract(tasks_.begin());
  due_.erase(next.key().second);
  now_ = std::max(now_, next.key().first);
  ++steps_;
  in_task_ = true;
  std::move(next.mapped())();
  next.mapped() = nullptr;  // what it owned goes inside the task too
  in_task_ = false;
  charged_ = absl::ZeroDuration();
}

void SimScheduler::Charge(absl::Duration duration) {
  if (in_task_) {
    charged_ += duration;
  } else {
    RunFor(duration);  // whoever stands outside waits for it like for anything
  }
}

absl::Time SimClock::Wall() {
  constexpr int64_t kWorldBegins = 1'735'689'600;  // 2025-01-01T00:00:00Z
  return absl::FromUnixSeconds(kWorldBegins) + scheduler_->now() + wall_offset_;
}

SimExecutor::SimExecutor(SimScheduler* scheduler)
    : scheduler_(scheduler), process_(std::make_shared<Process>()) {}

uint64_t SimExecutor::RunAfter(absl::Duration delay, Task task) {
  constexpr uint64_t kDropped = ~uint64_t{0};
  if (process_->stopped) return kDropped;
  const auto id = std::make_shared<uint64_t>(0);
  *id = scheduler_->After(delay, [id, process = process_, task = std::move(task)]() mutable {
    process->queued.erase(*id);
    process->in_task = true;
    std::move(task)();
    task = nullptr;
    process->in_task = false;
  });
  process_->queued.insert(*id);
  return *id;
}

bool SimExecutor::Cancel(uint64_t timer) {
  return process_->queued.erase(timer) == 1 && scheduler_->Cancel(timer);
}

bool SimExecutor::Await(absl::FunctionRef<bool()> done, absl::Duration timeout) {
  if (process_->stopped) return done();
  scheduler_->RunUntil([&, process = process_] { return process->stopped || done(); }, timeout);
  return done();
}

void SimExecutor::Stop() {
  process_->stopped = true;
  while (!process_->queued.empty()) Cancel(*process_->queued.begin());
}

}  // namespace v1
}  // namespace zkq::testing
