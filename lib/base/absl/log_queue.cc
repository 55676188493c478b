#include "lib/base/absl/log_queue.h"

#include <algorithm>
#include <map>

#include "lib/base/lines.h"

namespace zkq {

std::shared_ptr<LogQueue> LogQueue::Before(std::shared_ptr<LogSink> sink,
                                           std::shared_ptr<Executor> executor) {
  if (sink == nullptr) return nullptr;
  if (auto queue = std::dynamic_pointer_cast<LogQueue>(sink)) return queue;
  // Bound: an entry for each queue that lives. One keeps its sink and its executor alive, so their
  // addresses name it.
  static std::mutex mutex;
  static auto& queues = *new std::map<std::pair<LogSink*, Executor*>, std::weak_ptr<LogQueue>>;
  const std::lock_guard lock(mutex);
  std::erase_if(queues, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<LogQueue>& known = queues[{sink.get(), executor.get()}];
  std::shared_ptr<LogQueue> queue = known.lock();
  if (queue == nullptr) {
    queue = std::make_shared<LogQueue>(std::move(sink), std::move(executor));
    known = queue;
  }
  return queue;
}

void LogQueue::Log(LogLevel level, ServerId self, std::string_view text) {
  text = text.substr(0, kLineBytesMax);
  {
    const std::lock_guard lock(mutex_);
    if (dropped_ > 0 || !HasRoom(text)) {
      ++dropped_;
      dropper_ = self;
    } else {
      waiting_.push_back({.level = level, .self = self, .text = std::string(text)});
      bytes_ += text.size();
    }
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
  bool tells_dropped = true;
  while (const std::optional<Entry> entry = Next(tells_dropped)) {
    if (HandOver(*entry)) continue;
    const std::lock_guard lock(mutex_);
    dropped_ += std::max<size_t>(entry->dropped, 1);
    dropper_ = entry->self;
    if (entry->dropped > 0) tells_dropped = false;  // the next line's drain tries again
  }
  executor_->Wake();
}

bool LogQueue::HandOver(const Entry& entry) {
  try {
    sink_->Log(entry.level, entry.self, entry.text);
    return true;
  } catch (...) {  // the host's own, and no reason to end its process
    return false;
  }
}

std::optional<LogQueue::Entry> LogQueue::Next(bool tells_dropped) {
  const std::lock_guard lock(mutex_);
  if (!waiting_.empty()) {
    Entry next = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= next.text.size();
    return next;
  }
  if (tells_dropped && dropped_ > 0) {
    const size_t dropped = std::exchange(dropped_, 0);
    const LineInfo& info = InfoOf(Line::kLogDropped);
    return Entry{.level = info.level,
                 .self = dropper_,
                 .text = std::string(info.name) + ": " + std::to_string(dropped) + " lines",
                 .dropped = dropped};
  }
  draining_ = false;
  return std::nullopt;
}

}  // namespace zkq
