#include "lib/runtime/strand.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace zkq::runtime {
namespace {

// Longer than a task takes that does not block.
constexpr absl::Duration kBlocked = absl::Milliseconds(1);
// Strands that one thread drains before others on its executor have their turn.
constexpr int kChainMax = 16;

thread_local const void* inside = nullptr;  // the State whose task runs on this thread

}  // namespace

struct Strand::State {
  explicit State(Options given) : options(std::move(given)) {}

  const Options options;
  std::atomic<const char*> doing{"a task"};

  std::mutex mutex;
  std::deque<Task> queue;
  bool scheduled = false;  // a drain is on its way, or runs
  bool running = false;    // a task runs
  bool closed = false;
};

// What a thread goes on with behind the strand it drains.
struct Strand::Chain {
  static thread_local Chain* current;

  bool MayRun(const State& state) const {
    return state.options.never_blocks || state.options.executor.get() == executor;
  }
  std::shared_ptr<State> Next();

  const Executor* const executor;  // whose thread this is
  std::vector<std::shared_ptr<State>> next = {};
};

thread_local Strand::Chain* Strand::Chain::current = nullptr;

// Who never blocks comes first, for nothing may keep it waiting. Of the others
// this thread takes one: each of them could keep the rest waiting.
std::shared_ptr<Strand::State> Strand::Chain::Next() {
  if (next.empty()) return nullptr;
  auto taken =
      std::find_if(next.begin(), next.end(), [](const auto& s) { return s->options.never_blocks; });
  if (taken == next.end()) {
    std::for_each(next.begin() + 1, next.end(), Schedule);
    next.resize(1);
    taken = next.begin();
  }
  std::shared_ptr<State> state = std::move(*taken);
  next.erase(taken);
  return state;
}

Strand::Strand(Options options) : state_(std::make_shared<State>(std::move(options))) {}

void Strand::Post(Task task, When when) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->closed) return;
    state_->queue.push_back(std::move(task));
    if (state_->scheduled) return;
    state_->scheduled = true;
  }
  Chain* const chain = Chain::current;
  if (when == When::kBehind && chain != nullptr && chain->MayRun(*state_)) {
    chain->next.push_back(state_);
  } else {
    Schedule(state_);
  }
}

void Strand::Schedule(const std::shared_ptr<State>& state) {
  state->options.executor->Run([state] { Run(state); });
}

void Strand::Run(const std::shared_ptr<State>& state) {
  if (!state->options.direct) return Drain(state);
  Chain chain{.executor = state->options.executor.get()};
  Chain::current = &chain;
  Drain(state);
  int drained = 1;
  while (const std::shared_ptr<State> next = chain.Next()) {
    if (++drained <= kChainMax) {
      Drain(next);
    } else {
      Schedule(next);
    }
  }
  Chain::current = nullptr;
}

// Runs what is queued now, then gives way to others on the executor if more has
// come. In virtual time a blocking call returns at once and charges what is queued
// behind it: so a task that took its time goes through the executor once more
// before its strand is idle, and that is what charges the strand.
void Strand::Drain(const std::shared_ptr<State>& state) {
  const absl::Duration begin = state->options.clock->Monotonic();
  const void* const outer = std::exchange(inside, state.get());
  size_t left = 0;
  {
    std::lock_guard lock(state->mutex);
    left = state->queue.size();
  }
  // What a task wants done behind it does not wait for the next task either.
  const Chain* const chain = Chain::current;
  while (left-- > 0 && RunOne(state.get()) && (chain == nullptr || chain->next.empty())) {
  }
  inside = outer;
  const bool charged =
      !state->options.direct && state->options.clock->Monotonic() - begin > kBlocked;
  bool again = false;
  {
    std::lock_guard lock(state->mutex);
    state->running = false;
    again = !state->closed && (charged || !state->queue.empty());
    state->scheduled = again;
  }
  if (again) {
    Schedule(state);
  } else {
    state->options.executor->Wake();  // AwaitIdle
  }
}

bool Strand::RunOne(State* state) {
  Task task;
  {
    std::lock_guard lock(state->mutex);
    if (state->closed || state->queue.empty()) return false;
    task = std::move(state->queue.front());
    state->queue.pop_front();
    state->running = true;
  }
  std::move(task)();
  return true;
}

void Strand::Close() {
  std::deque<Task> dropped;  // destroyed without the lock: it may own anything
  std::lock_guard lock(state_->mutex);
  state_->closed = true;
  dropped.swap(state_->queue);
}

bool Strand::busy() const {
  std::lock_guard lock(state_->mutex);
  return state_->running || (state_->scheduled && !state_->closed);
}

bool Strand::AwaitIdle(absl::Duration timeout) const {
  return state_->options.executor->Await([this] { return !busy(); }, timeout);
}

bool Strand::Inside() const { return inside == state_.get(); }

const char* Strand::doing() const { return state_->doing.load(); }

Strand::Doing::Doing(const Strand& strand, const char* what)
    : what_(&strand.state_->doing), before_(what_->exchange(what)) {}

Strand::Doing::~Doing() { what_->store(before_); }

}  // namespace zkq::runtime
