#include "lib/runtime/events.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace zkq {
inline namespace v1 {

// Shared by the Subscription and, weakly, by the replica: either may go first.
class Subscription::Impl {
 public:
  explicit Impl(absl::AnyInvocable<void(const Event&)> on_event) : on_event_(std::move(on_event)) {}

  void Deliver(const Event& event) {
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

  // Waits for a running call, unless this is called inside it.
  void End() {
    std::unique_lock lock(mutex_);
    ended_ = true;
    if (runs_on_ == std::this_thread::get_id()) return;
    returned_.wait(lock, [&] { return runs_on_ == std::thread::id{}; });
  }

 private:
  absl::AnyInvocable<void(const Event&)> on_event_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::thread::id runs_on_ = {};
  bool ended_ = false;
};

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

namespace runtime {

Subscription Events::Subscribe(absl::AnyInvocable<void(const Event&)> on_event) {
  auto impl = std::make_shared<Subscription::Impl>(std::move(on_event));
  inbox_.With([&](Told& told) {
    std::erase_if(told.subscribers, [](const auto& s) { return s.expired(); });
    told.subscribers.push_back(impl);
  });
  return Subscription(std::move(impl));
}

void Events::Raise(Event::Kind kind) {
  inbox_.Change([kind](Told& told) {
    if (told.subscribers.empty()) return false;
    std::erase(told.raised, kind);
    told.raised.push_back(kind);
    return true;
  });
}

void Events::Drain() {
  const Strand::Doing doing(strand_, "an event call");
  size_t left = inbox_.Take([](Told& told) { return told.raised.size(); });
  while (left-- > 0) DeliverNext();
}

void Events::DeliverNext() {
  Subscribers subscribers;
  std::optional<Event::Kind> kind;
  inbox_.With([&](Told& told) {
    if (told.raised.empty()) return;  // raised anew, it waits behind what is left
    kind = told.raised.front();
    told.raised.erase(told.raised.begin());
    subscribers = told.subscribers;
  });
  if (!kind) return;
  const Event event{.kind = *kind, .status = status_()};
  for (const auto& weak : subscribers) {
    if (inbox_.closed()) return;  // by the one before
    if (const auto subscriber = weak.lock()) subscriber->Deliver(event);
  }
}

void Events::Close() { inbox_.Close(); }

}  // namespace runtime
}  // namespace zkq
