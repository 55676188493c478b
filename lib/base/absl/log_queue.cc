#include "lib/base/absl/log_queue.h"

#include "lib/base/lines.h"

namespace zkq {

std::shared_ptr<LogQueue> LogQueue::Before(std::shared_ptr<LogSink> sink,
                                           std::shared_ptr<Executor> executor) {
  if (sink == nullptr) return nullptr;
  if (auto queue = std::dynamic_pointer_cast<LogQueue>(sink)) return queue;
  return std::make_shared<LogQueue>(std::move(sink), std::move(executor));
}

void LogQueue::Log(LogLevel level, ServerId self, std::string_view text) {
  {
    const std::lock_guard lock(mutex_);
    if (dropped_ > 0 || !HasRoom(text)) {
      ++dropped_;
      dropper_ = self;
      return;
    }
    waiting_.push_back({level, self, std::string(text)});
    bytes_ += text.size();
    if (std::exchange(draining_, true)) return;
  }
  executor_->Run([self = shared_from_this()] { self->Drain(); });
}

bool LogQueue::HasRoom(std::string_view text) const {
  return waiting_.size() < kLinesMax && bytes_ + text.size() <= kBytesMax;
}

bool LogQueue::idle() const {
  const std::lock_guard lock(mutex_);
  return !draining_;
}

void LogQueue::Drain() {
  while (const std::optional<Entry> entry = Next()) {
    sink_->Log(entry->level, entry->self, entry->text);
  }
  executor_->Wake();
}

std::optional<LogQueue::Entry> LogQueue::Next() {
  const std::lock_guard lock(mutex_);
  if (!waiting_.empty()) {
    Entry next = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= next.text.size();
    return next;
  }
  if (const size_t dropped = std::exchange(dropped_, 0); dropped > 0) {
    const LineInfo& info = InfoOf(Line::kLogDropped);
    return Entry{info.level, dropper_,
                 std::string(info.name) + ": " + std::to_string(dropped) + " lines"};
  }
  draining_ = false;
  return std::nullopt;
}

}  // namespace zkq
