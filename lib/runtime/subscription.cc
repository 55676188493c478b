#include "lib/runtime/subscription.h"

#include <utility>

namespace zkq {
inline namespace v1 {

void Subscription::Impl::Deliver(const Event& event) {
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    runs_on_ = std::this_thread::get_id();
  }
  on_event_(event);
  std::lock_guard lock(mutex_);
  runs_on_ = {};
  returned_.notify_all();
}

void Subscription::Impl::End() {
  std::unique_lock lock(mutex_);
  ended_ = true;
  if (runs_on_ == std::this_thread::get_id()) return;
  returned_.wait(lock, [&] { return runs_on_ == std::thread::id{}; });
}

Subscription::~Subscription() {
  if (impl_ != nullptr) impl_->End();
}

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (this == &other) return *this;
  if (impl_ != nullptr) impl_->End();
  impl_ = std::move(other.impl_);
  return *this;
}

}  // namespace v1
}  // namespace zkq
