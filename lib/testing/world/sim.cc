#include "zkq/testing/sim.h"

#include <algorithm>

#include "lib/base/virtual_time.h"

namespace zkq::testing {
inline namespace v1 {

uint64_t SimRandom::Next() {
  uint64_t z = (state_ += 0x9E37'79B9'7F4A'7C15);
  z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9;
  z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EB;
  return z ^ (z >> 31);
}

namespace {

// A task's id: which slot it has, and above that a count that is never repeated.
constexpr int kSlotBits = 24;
constexpr uint64_t kSlotMask = (uint64_t{1} << kSlotBits) - 1;
// Of a task that was dropped: names no slot.
constexpr uint64_t kDropped = ~uint64_t{0};

}  // namespace

// --- the scheduler -----------------------------------------------------------------

// A task may hold the last reference to an executor, which cancels its own tasks when it
// goes: so all members are still there while tasks are destroyed.
SimScheduler::~SimScheduler() {
  ending_ = true;
  for (const Slot& slot : slots_) Cancel(slot.id);
}

uint64_t SimScheduler::Add(absl::Duration delay, Task task, std::shared_ptr<Process> process) {
  if (ending_) return kDropped;
  if (free_slots_.empty()) {
    free_slots_.push_back(slots_.size());
    slots_.emplace_back();
  }
  const size_t at = free_slots_.back();
  free_slots_.pop_back();
  const uint64_t id = ++added_ << kSlotBits | at;
  slots_[at] = {.id = id, .process = std::move(process), .task = std::move(task)};
  Push({.when = now() + std::max(delay, absl::ZeroDuration()), .order = added_, .id = id});
  return id;
}

void SimScheduler::Push(const Due& due) {
  due_.push_back(due);
  std::push_heap(due_.begin(), due_.end(), Later);
}

SimScheduler::Slot* SimScheduler::Find(uint64_t id) {
  const size_t at = id & kSlotMask;
  return id != 0 && at < slots_.size() && slots_[at].id == id ? &slots_[at] : nullptr;
}

// Frees the slot before anything of it is run or destroyed: that may queue tasks.
SimScheduler::Slot SimScheduler::Take(Slot* slot) {
  Slot taken = std::exchange(*slot, {});
  free_slots_.push_back(taken.id & kSlotMask);
  return taken;
}

bool SimScheduler::Cancel(uint64_t id) {
  Slot* const slot = Find(id);
  if (slot == nullptr) return false;
  const Slot cancelled = Take(slot);
  return true;
}

void SimScheduler::CancelAll(const Process* process) {
  for (size_t at = 0; at < slots_.size(); ++at) {
    if (slots_[at].process.get() == process) Cancel(slots_[at].id);
  }
}

bool SimScheduler::NextIsDue(absl::Duration end) {
  while (!due_.empty() && Find(due_.front().id) == nullptr) {
    std::pop_heap(due_.begin(), due_.end(), Later);
    due_.pop_back();
  }
  return !due_.empty() && due_.front().when <= end;
}

bool SimScheduler::RunUntil(absl::FunctionRef<bool()> condition, absl::Duration limit) {
  if (in_task_) return condition();
  const absl::Duration end = now_ + limit;
  while (!condition()) {
    if (!NextIsDue(end)) {
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
  std::pop_heap(due_.begin(), due_.end(), Later);
  const Due next = due_.back();
  due_.pop_back();
  now_ = std::max(now_, next.when);
  Slot* const slot = Find(next.id);
  if (slot->process != nullptr && slot->process->paused) {
    slot->process->waiting.push_back(next);
  } else {
    Run(Take(slot));
  }
}

void SimScheduler::Run(Slot slot) {
  ++steps_;
  in_task_ = true;
  if (slot.process != nullptr) slot.process->in_task = true;
  std::move(slot.task)();
  slot.task = nullptr;  // what it owned goes inside the task too
  if (slot.process != nullptr) slot.process->in_task = false;
  in_task_ = false;
  charged_ = absl::ZeroDuration();
  VirtualTime::SetAhead(false);
}

void SimScheduler::Resume(Process* process) {
  process->paused = false;
  for (const Due& due : std::exchange(process->waiting, {})) Push(due);
}

void SimScheduler::Charge(absl::Duration duration) {
  if (in_task_) {
    charged_ += duration;
    VirtualTime::SetAhead(charged_ > absl::ZeroDuration());
  } else {
    RunFor(duration);  // called from outside any task: the world goes on meanwhile
  }
}

// --- clocks --------------------------------------------------------------------------

absl::Duration SimClock::Monotonic() {
  const absl::Duration passed = scheduler_->now() - since_;
  return then_ + (rate_ == 1 ? passed : passed * rate_);
}

absl::Time SimClock::Wall() {
  constexpr int64_t kWorldBegins = 1'735'689'600;  // 2025-01-01T00:00:00Z
  return absl::FromUnixSeconds(kWorldBegins) + scheduler_->now() + wall_offset_ + ahead_;
}

void SimClock::SetWallOffset(absl::Duration offset) {
  wall_offset_ = offset;
  wall_set_at_ = scheduler_->now();
}

void SimClock::SetRate(double rate) {
  Jump(absl::ZeroDuration());
  rate_ = std::max(rate, 0.0);
}

void SimClock::Jump(absl::Duration duration) {
  then_ = Monotonic() + std::max(duration, absl::ZeroDuration());
  since_ = scheduler_->now();
}

// --- executors -----------------------------------------------------------------------

SimExecutor::SimExecutor(SimScheduler* scheduler)
    : scheduler_(scheduler), process_(std::make_shared<SimScheduler::Process>()) {}

uint64_t SimExecutor::RunAfter(absl::Duration delay, Task task) {
  if (process_->stopped) return kDropped;
  return scheduler_->Add(delay, std::move(task), process_);
}

bool SimExecutor::Cancel(uint64_t timer) {
  const SimScheduler::Slot* const slot = scheduler_->Find(timer);
  return slot != nullptr && slot->process == process_ && scheduler_->Cancel(timer);
}

bool SimExecutor::Await(absl::FunctionRef<bool()> done, absl::Duration timeout) {
  if (process_->stopped) return done();
  scheduler_->RunUntil([&, process = process_] { return process->stopped || done(); }, timeout);
  return done();
}

void SimExecutor::Resume() { scheduler_->Resume(process_.get()); }

void SimExecutor::Stop() {
  process_->stopped = true;
  scheduler_->CancelAll(process_.get());
}

}  // namespace v1
}  // namespace zkq::testing
