#include "lib/runtime/events.h"

#include <algorithm>
#include <condition_variable>
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
  std::lock_guard lock(mutex_);
  std::erase_if(subscribers_, [](const auto& s) { return s.expired(); });
  if (!closed_) subscribers_.push_back(impl);
  return Subscription(std::move(impl));
}

void Events::Raise(Event::Kind kind, std::shared_ptr<void> keep) {
  {
    std::lock_guard lock(mutex_);
    if (closed_ || subscribers_.empty()) return;
    std::erase(raised_, kind);
    raised_.push_back(kind);
    if (std::exchange(scheduled_, true)) return;
  }
  strand_.Post([this, keep = std::move(keep)] { Deliver(); });
}

std::optional<Event::Kind> Events::Next(Subscribers* subscribers) {
  std::lock_guard lock(mutex_);
  if (closed_) raised_.clear();
  scheduled_ = !raised_.empty();
  if (raised_.empty()) return std::nullopt;
  const Event::Kind kind = raised_.front();
  raised_.erase(raised_.begin());
  *subscribers = subscribers_;
  return kind;
}

void Events::Deliver() {
  const Strand::Doing doing(strand_, "an event call");
  Subscribers subscribers;
  while (const std::optional<Event::Kind> kind = Next(&subscribers)) {
    const Event event{.kind = *kind, .status = status_()};
    for (const auto& weak : subscribers) {
      if (closed()) return;  // by the one before
      if (const auto subscriber = weak.lock()) subscriber->Deliver(event);
    }
  }
}

bool Events::closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

void Events::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  raised_.clear();
}

bool Events::idle() const {
  std::lock_guard lock(mutex_);
  return raised_.empty() && !scheduled_;
}

}  // namespace runtime
}  // namespace zkq
