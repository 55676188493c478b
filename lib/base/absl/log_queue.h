// LogQueue: lines on their way to the host's sink, which may take its time. Who writes a line
// never waits: it is queued, and a task of an executor whose threads may block hands it on.
//
// Lines come to the sink one at a time, in their order, cut at kLineBytesMax. Bound: kLinesMax
// lines and kBytesMax bytes. What comes above that is dropped, and so is what follows until the
// queue is empty; then one line, `log-dropped`, tells how many. A line at which the sink throws
// counts as dropped.
//
// Thread-safe. A sink that never returns costs one thread of the executor, however many replicas
// share the two, and keeps alive the queue and what the sink itself uses.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "zkq/env.h"
#include "zkq/log.h"

namespace zkq {

class ZKQ_EXPORT LogQueue final : public LogSink, public std::enable_shared_from_this<LogQueue> {
 public:
  static constexpr size_t kLinesMax = 1000;
  static constexpr size_t kBytesMax = 1 << 20;
  static constexpr size_t kLineBytesMax = 4096;

  // `sink` with a queue before it: itself, if it is one; the one that is there, if this sink has
  // one on this executor. Null if there is no sink.
  static std::shared_ptr<LogQueue> Before(std::shared_ptr<LogSink> sink,
                                          std::shared_ptr<Executor> executor);
  LogQueue(std::shared_ptr<LogSink> sink, std::shared_ptr<Executor> executor)
      : sink_(std::move(sink)), executor_(std::move(executor)) {}

  void Log(LogLevel level, ServerId self, std::string_view text) override;
  // The sink has returned from all that was written so far. Wakes who awaits it on the executor.
  bool idle() const;

 private:
  struct Entry {
    LogLevel level;
    ServerId self;
    std::string text;
    size_t dropped = 0;  // lines that it tells of
  };
  void Drain();
  bool HandOver(const Entry& entry);
  std::optional<Entry> Next(bool tells_dropped);
  bool HasRoom(std::string_view text) const;

  const std::shared_ptr<LogSink> sink_;
  const std::shared_ptr<Executor> executor_;
  mutable std::mutex mutex_;
  std::deque<Entry> waiting_;
  size_t bytes_ = 0;       // of the texts in it
  size_t dropped_ = 0;     // and not told of
  ServerId dropper_{};     // who wrote the last of them
  bool draining_ = false;  // a task runs, or is on the executor
};

}  // namespace zkq
