// LineLog: the way from zkq's parts to the host's log, and the one place that keeps it from
// being flooded. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "absl/time/time.h"
#include "lib/base/absl/log_queue.h"
#include "lib/base/absl/throttle.h"
#include "zkq/log.h"

namespace zkq {

class LineLog {
 public:
  // Silent without a sink.
  explicit LineLog(std::shared_ptr<LogSink> sink) : sink_(std::move(sink)) {}

  // Once, before the first line: the sink is called by tasks of `executor` from here on, which
  // may block. Until then, or with none, in Write.
  void Queue(const std::shared_ptr<Executor>& executor) {
    if (executor != nullptr) sink_ = LogQueue::Before(std::move(sink_), executor);
  }
  bool silent() const { return sink_ == nullptr; }
  // Server `self` says it of `about`, a member, or of kNoServer, any other. Returns how long the
  // line has to wait, and is not written; zero: it is written. Calls the sink: hold no lock.
  //
  // A line that ends what another tells waits for none of its own kind: `linked` after
  // `peer-unreachable`.
  absl::Duration Write(Line line, ServerId self, ServerId about, absl::Duration now,
                       std::string_view text);

 private:
  std::shared_ptr<LogSink> sink_;
  std::mutex mutex_;
  Throttle throttle_;
};

}  // namespace zkq
