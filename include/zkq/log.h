// The host's log: where a replica writes what an operator should know.
//
// Every line begins with the short name of what it tells, which stays from version to version:
// "peer-unreachable: server 3 at db3:7003 has had no link for 2.1s: no such name". What each name
// means, its level and what to do stands in lib/runtime/LOG.md. Warnings and errors of one name
// about one server come once a minute at most; members-contradict and admin-from-anywhere (once for
// each start) and log-dropped come each time.
#pragma once

#include <memory>
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

// Thread-safe. It must not call into zkq. It may block: it is handed one line at a time, in their
// order, on Env::blocking_executor. Replicas that share sink and Env share that, too. At most
// 1,000 lines and 1 MiB wait meanwhile; what comes above that is dropped, and counted in a line
// "log-dropped". So is a line at which the sink throws. A line is cut at 4 KiB.
// Shutdown waits within its grace until all lines are written.
class ZKQ_EXPORT LogSink {
 public:
  virtual ~LogSink() = default;
  // `self` is the server that says it. `line` has no line break at its end, and is valid
  // during the call only.
  virtual void Log(LogLevel level, ServerId self, std::string_view line) = 0;
};

// Lines of `lowest` and above on this process's standard error, each in one write:
//
//   2026-11-28T14:05:03.123Z W zkq[1] peer-unreachable: server 3 at db3:7003 has had no ...
//
// The time is UTC, and the letter the level: D, I, W or E. A line is cut at 4 KiB, and control
// characters in it are shown as "?". Where nobody reads, a line waits for a second; from then on
// lines are dropped until somebody does, and then counted: "log-dropped: 213 lines". So are lines
// that the disk has no room for. It raises no SIGPIPE where the reader has gone.
ZKQ_EXPORT std::shared_ptr<LogSink> StderrLogSink(LogLevel lowest = LogLevel::kInfo);

}  // namespace v1
}  // namespace zkq
