// A pipe that nobody reads fills up, and then a write to it never returns. A non-blocking
// descriptor would refuse instead, but other processes share this one, and they do not expect
// that. So the sink asks poll(2) first: that grants room for PIPE_BUF bytes, and no line is longer.
// A write of another process between the two can still block this one. That holds up nothing but
// the log (lib/base/absl/log_queue.h).
//
// A write to a pipe or socket whose reader has gone raises SIGPIPE, which would end the process.
// The host alone decides what its process does with signals, so the sink blocks this one for its
// own thread, during the write only.
#include "lib/env/fd_log_sink.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
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

// Keeps a SIGPIPE that this thread's writes raise from the process, while it exists.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    was_pending_ = IsPending();
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &mask_before_);
  }
  ~NoSigpipe() {
    constexpr timespec kAtOnce = {};
    // One that was pending before is somebody else's.
    if (!was_pending_ && IsPending()) sigtimedwait(&sigpipe_, nullptr, &kAtOnce);
    pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  static bool IsPending() {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
  }

  sigset_t sigpipe_, mask_before_;
  bool was_pending_ = false;
};

class FdLogSink final : public LogSink {
 public:
  FdLogSink(int fd, LogLevel lowest, std::shared_ptr<Clock> clock)
      : fd_(fd), lowest_(lowest), clock_(std::move(clock)) {}

  void Log(LogLevel level, ServerId self, std::string_view line) override {
    if (level < lowest_) return;
    const std::lock_guard lock(mutex_);
    if (dropped_ == 0 || WriteDropped(self)) {
      if (WriteLine(level, self, line)) return;
    }
    ++dropped_;
  }

 private:
  bool WriteDropped(ServerId self) {
    const LineInfo& info = InfoOf(Line::kLogDropped);
    const std::string text = std::string(info.name) + ": " + std::to_string(dropped_) + " lines";
    if (!WriteLine(info.level, self, text)) return false;
    dropped_ = 0;
    return true;
  }
  bool WriteLine(LogLevel level, ServerId self, std::string_view line) {
    full_ = !HasRoom(full_ ? 0 : kPatienceMs);  // a reader that is gone costs its second once
    if (full_) return false;
    std::string text = Head(level, self) + std::string(line);
    text.resize(std::min(text.size(), kLineBytesMax - 1));
    // What comes from other servers must neither end a line nor steer a terminal.
    const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
    std::replace_if(text.begin(), text.end(), is_control, '?');
    return Write(text + '\n');
  }
  std::string Head(LogLevel level, ServerId self) const {
    const absl::TimeZone utc = absl::UTCTimeZone();
    return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ ", clock_->Wall(), utc) +
           "DIWE"[static_cast<int>(level)] + " zkq[" + ToString(self) + "] ";
  }
  bool HasRoom(int wait_ms) const {
    pollfd asked{.fd = fd_, .events = POLLOUT, .revents = 0};
    int ready = 0;
    do {
      ready = poll(&asked, 1, wait_ms);
    } while (ready < 0 && errno == EINTR);
    return ready == 1 && (asked.revents & POLLOUT) != 0;
  }
  bool Write(std::string_view text) const {
    const NoSigpipe no_sigpipe;
    while (!text.empty()) {
      const ssize_t written = write(fd_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      text.remove_prefix(static_cast<size_t>(written));
    }
    return true;
  }

  const int fd_;
  const LogLevel lowest_;
  const std::shared_ptr<Clock> clock_;
  std::mutex mutex_;
  bool full_ = false;
  size_t dropped_ = 0;  // and not told of
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
