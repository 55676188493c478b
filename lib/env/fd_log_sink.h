// The body of StderrLogSink (zkq/log.h), on any descriptor.
#pragma once

#include <memory>

#include "zkq/env.h"
#include "zkq/log.h"

namespace zkq {

// `fd` stays the caller's. The dates come from `clock`.
std::shared_ptr<LogSink> NewFdLogSink(int fd, LogLevel lowest, std::shared_ptr<Clock> clock);

}  // namespace zkq
