#include "lib/runtime/callbacks.h"

#include <utility>

namespace zkq::runtime {

void Callbacks::Add(absl::FunctionRef<void(Completions*)> produce) {
  Completions now;
  {
    std::lock_guard lock(mutex_);
    produce(&produced_);
    if (produced_.empty()) return;
    woken_ = false;
    for (Completion& one : produced_) {
      if (one.caller.waits || closed_) {
        now.push_back(std::move(one));
      } else {
        queue_.push_back(std::move(one));
      }
    }
    produced_.clear();
  }
  for (Completion& one : now) Run(std::move(one));
}

void Callbacks::Flush() {
  bool wake = false, post = false;
  {
    std::lock_guard lock(mutex_);
    wake = !std::exchange(woken_, true);
    post = !queue_.empty() && !std::exchange(scheduled_, true);
  }
  if (wake) waiters_.Wake();
  if (!post) return;
  strand_.Post([this] {
    while (RunNext()) {
    }
  });
}

bool Callbacks::RunNext() {
  Completion next;
  {
    std::lock_guard lock(mutex_);
    if (queue_.empty()) {
      scheduled_ = false;
      return false;
    }
    next = std::move(queue_.front());
    queue_.pop_front();
  }
  const Strand::Doing doing(strand_, "a callback");
  Run(std::move(next));
  return true;
}

void Callbacks::Run(Completion completion) {
  calls_.Release(completion.bytes);
  if (completion.caller.done == nullptr) return;  // nobody wants to know
  std::move(completion.caller.done)(std::move(completion.result));
}

void Callbacks::Close() {
  strand_.Close();
  const Strand::Inhabit inside(strand_);  // what runs here must not wait for itself
  std::deque<Completion> last;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    last.swap(queue_);
  }
  for (Completion& one : last) Run(std::move(one));
}

}  // namespace zkq::runtime
