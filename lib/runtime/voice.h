// Voice: this replica's lines for the host's log.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/absl/line_log.h"
#include "zkq/env.h"

namespace zkq::runtime {

class Voice {
 public:
  // Silent without a sink.
  Voice(std::shared_ptr<LogSink> sink, ServerId self, Clock* clock)
      : log_(std::move(sink)), self_(self), clock_(*clock) {}

  // One line of all `parts`, unless its pace forbids it (lib/base/lines.h): false. Thread-safe.
  template <typename... Parts>
  bool Say(Line line, const Parts&... parts) const {
    return SayAbout(kNoServer, line, parts...);
  }
  // The pace of a line about another server is its own.
  template <typename... Parts>
  bool SayAbout(ServerId about, Line line, const Parts&... parts) const {
    if (log_.silent()) return true;
    std::string text;
    (text.append(std::string_view(parts)), ...);
    return log_.Write(line, self_, about, clock_.Monotonic(), text) == absl::ZeroDuration();
  }

 private:
  mutable LineLog log_;
  const ServerId self_;
  Clock& clock_;
};

}  // namespace zkq::runtime
