// Voice: this replica's lines for the host's log.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "zkq/env.h"

namespace zkq::runtime {

class Voice {
 public:
  // Silent without a sink.
  Voice(std::shared_ptr<LogSink> sink, ServerId self) : sink_(std::move(sink)), self_(self) {}

  // One line of all `parts`. Thread-safe, as the sink is.
  template <typename... Parts>
  void Say(LogLevel level, const Parts&... parts) const {
    if (sink_ == nullptr) return;
    std::string line;
    (line.append(std::string_view(parts)), ...);
    sink_->Log(level, self_, line);
  }

 private:
  const std::shared_ptr<LogSink> sink_;
  const ServerId self_;
};

}  // namespace zkq::runtime
