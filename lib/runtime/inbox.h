// Inbox: what a part is asked for, until its strand takes it.
//
// Who asks changes a state under a lock. The first change since the strand last took
// from it posts one drain, so waking the strand costs the same for one change and for
// a thousand: each drain takes all that has come by then.
//
// Thread-safe, but for where it says otherwise. Unbounded: the state's fields say what
// bounds them.
#pragma once

#include <mutex>
#include <type_traits>
#include <utility>

#include "lib/runtime/strand.h"

namespace zkq::runtime {

template <typename State>
class Inbox {
 public:
  // `drain` runs on `strand` after each change that nothing has taken yet.
  Inbox(Strand* strand, absl::AnyInvocable<void()> drain, State initial = {})
      : strand_(*strand), drain_(std::move(drain)), state_(std::move(initial)) {}
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // Runs change(State&) under the lock, and has a drain follow unless it returns false.
  // In virtual time it may run after this call has returned (Strand::InTime), so it
  // must capture values, and no two changes of one caller change places.
  template <typename Fn>
  void Change(Fn change) {
    strand_.InTime([this, change = std::move(change)]() mutable {
      if (Apply(std::move(change))) strand_.Post([this] { drain_(); });
    });
  }

  // The drain: what take(State&) returns. What is changed from here on has a drain of
  // its own.
  template <typename Fn>
  auto Take(Fn take) {
    std::lock_guard lock(mutex_);
    drain_follows_ = false;
    return take(state_);
  }
  State Take() {
    return Take([](State& state) { return std::exchange(state, {}); });
  }

  // What use(State&) returns, at once, under the lock; no drain follows.
  template <typename Fn>
  auto With(Fn use) {
    std::lock_guard lock(mutex_);
    return use(state_);
  }
  template <typename Fn>
  auto With(Fn use) const {
    std::lock_guard lock(mutex_);
    return use(state_);
  }

  // Nothing is changed and no drain begins any more, and what waits is destroyed.
  void Close() {
    State dropped;  // destroyed without the lock: it may own anything
    std::lock_guard lock(mutex_);
    closed_ = true;
    std::swap(dropped, state_);
  }
  bool closed() const {
    std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  // True if a drain must be posted.
  template <typename Fn>
  bool Apply(Fn change) {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    if constexpr (std::is_same_v<decltype(change(state_)), bool>) {
      if (!change(state_)) return false;
    } else {
      change(state_);
    }
    return !std::exchange(drain_follows_, true);
  }

  Strand& strand_;
  absl::AnyInvocable<void()> drain_;
  mutable std::mutex mutex_;
  State state_;
  bool drain_follows_ = false;
  bool closed_ = false;
};

}  // namespace zkq::runtime
