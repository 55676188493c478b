// A pipe that nobody reads fills up, and then a write to it never returns. A non-blocking
// descriptor would refuse instead, but other processes share this one, and they do not expect
// that. So the sink asks poll(2) first: that grants room for PIPE_BUF bytes, and no line is longer.
// A write of another process between the two can still block this one. That holds up nothing but
// the log (lib/base/absl/log_queue.h).
#include "lib/env/fd_log_sink.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <mutex>
#include <string>
#include <utility>

#include "lib/base/lines.h"
#include "lib/env/system_clock.h"

namespace zkq {
namespace {

constexpr int kPatienceMs = 1000;
constexpr size_t kLineBytesMax = PIPE_BUF;

// What comes from other servers must neither end a line nor steer a terminal.
void AppendLine(std::string line, std::string* to) {
  const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
  std::replace_if(line.begin(), line.end(), is_control, '?');
  *to += line + '\n';
}

class FdLogSink final : public LogSink {
 public:
  FdLogSink(int fd, LogLevel lowest, std::shared_ptr<Clock> clock)
      : fd_(fd), lowest_(lowest), clock_(std::move(clock)) {}

  void Log(LogLevel level, ServerId self, std::string_view line) override {
    if (level < lowest_) return;
    const std::lock_guard lock(mutex_);
    full_ = !HasRoom(full_ ? 0 : kPatienceMs);  // a reader that is gone costs its second once
    if (full_) {
      ++dropped_;
      return;
    }
    std::string text;
    if (const size_t dropped = std::exchange(dropped_, 0); dropped > 0) {
      const LineInfo& info = InfoOf(Line::kLogDropped);
      AppendLine(Head(info.level, self) + std::string(info.name) + ": " + std::to_string(dropped) +
                     " lines",
                 &text);
    }
    AppendLine(Head(level, self) + std::string(line), &text);
    if (text.size() > kLineBytesMax) text.replace(kLineBytesMax - 1, std::string::npos, "\n");
    Write(text);
  }

 private:
  std::string Head(LogLevel level, ServerId self) const {
    const absl::TimeZone utc = absl::UTCTimeZone();
    return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ ", clock_->Wall(), utc) +
           "DIWE"[static_cast<int>(level)] + " zkq[" + ToString(self) + "] ";
  }
  // Not where nobody can read any more: SIGPIPE would end the process.
  bool HasRoom(int wait_ms) const {
    pollfd asked{.fd = fd_, .events = POLLOUT, .revents = 0};
    int ready = 0;
    do {
      ready = poll(&asked, 1, wait_ms);
    } while (ready < 0 && errno == EINTR);
    return ready == 1 && (asked.revents & (POLLERR | POLLNVAL)) == 0;
  }
  // What cannot be written is lost: there is no other place to say so.
  void Write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = write(fd_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      text.remove_prefix(static_cast<size_t>(written));
    }
  }

  const int fd_;
  const LogLevel lowest_;
  const std::shared_ptr<Clock> clock_;
  std::mutex mutex_;
  bool full_ = false;
  size_t dropped_ = 0;
};

}  // namespace

std::shared_ptr<LogSink> NewFdLogSink(int fd, LogLevel lowest, std::shared_ptr<Clock> clock) {
  return std::make_shared<FdLogSink>(fd, lowest, std::move(clock));
}

inline namespace v1 {

std::shared_ptr<LogSink> StderrLogSink(LogLevel lowest) {
  return NewFdLogSink(STDERR_FILENO, lowest, NewSystemClock());
}

}  // namespace v1
}  // namespace zkq
