// The inside of a Subscription (zkq/replica_status.h).
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "zkq/replica_status.h"

namespace zkq {
inline namespace v1 {

// Shared by the Subscription and, weakly, by the replica: either may go first.
class Subscription::Impl {
 public:
  explicit Impl(absl::AnyInvocable<void(const Event&)> on_event) : on_event_(std::move(on_event)) {}

  // Calls the subscriber, unless it has ended. One thread at a time.
  void Deliver(const Event& event);
  // No call begins any more. Waits for a running one, unless this is called inside it.
  void End();

 private:
  absl::AnyInvocable<void(const Event&)> on_event_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::thread::id runs_on_ = {};
  bool ended_ = false;
};

}  // namespace v1
}  // namespace zkq
