// The host's log: where a replica writes what an operator should know.
//
// Every line begins with the short name of what it tells, which stays from version to version:
// "peer-unreachable: server 3 at db3:7003 has had no link for 2.1s: no such name". What each name
// means, its level and what to do stands in lib/runtime/LOG.md. Warnings and errors of one name
// about one server come once a minute at most.
#pragma once

#include <string_view>

#include "zkq/types.h"

namespace zkq {
inline namespace v1 {

enum class LogLevel {
  kDebug,    // for those who study zkq
  kInfo,     // what an operator wants to read afterwards
  kWarning,  // what needs a look
  kError,    // what needs a hand
};

// Thread-safe. It must not call into zkq and must not block: heartbeats would wait for it.
class ZKQ_EXPORT LogSink {
 public:
  virtual ~LogSink() = default;
  // `self` is the server that says it. `line` has no line break at its end, and is valid
  // during the call only.
  virtual void Log(LogLevel level, ServerId self, std::string_view line) = 0;
};

}  // namespace v1
}  // namespace zkq
