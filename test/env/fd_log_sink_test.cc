// StderrLogSink: what it writes, and that nothing at the other end holds it or ends the process.
#include "lib/env/fd_log_sink.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>

#include "test/harness/catch.h"

namespace zkq {
namespace {

// 2026-11-28T14:05:03.123Z.
class Still final : public Clock {
 public:
  absl::Duration Monotonic() override { return absl::ZeroDuration(); }
  absl::Time Wall() override { return absl::FromUnixMillis(1'795'874'703'123); }
};

// Room for two lines.
class Pipe {
 public:
  Pipe() {
    REQUIRE(pipe(ends_) == 0);
    REQUIRE(fcntl(ends_[1], F_SETPIPE_SZ, kBytes) == kBytes);
    fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    CloseReader();
    close(ends_[1]);
  }
  int writer() const { return ends_[1]; }
  void CloseReader() {
    if (ends_[0] >= 0) close(ends_[0]);
    ends_[0] = -1;
  }
  std::string Read() const {
    std::string all(1 << 16, '\0');
    const ssize_t size = read(ends_[0], all.data(), all.size());
    all.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return all;
  }
  static std::string Filling() { return std::string(kBytes, 'x'); }
  void Fill() const { REQUIRE(write(ends_[1], Filling().data(), kBytes) == kBytes); }

 private:
  static constexpr int kBytes = 2 * PIPE_BUF;

  int ends_[2] = {-1, -1};
};

std::shared_ptr<LogSink> SinkOn(const Pipe& pipe, LogLevel lowest = LogLevel::kInfo) {
  return NewFdLogSink(pipe.writer(), lowest, std::make_shared<Still>());
}

TEST_CASE("a line has its date, level, server and text") {
  const Pipe pipe;
  const auto sink = SinkOn(pipe);
  sink->Log(LogLevel::kWarning, ServerId{7}, "peer-unreachable: server 3");
  CHECK(pipe.Read() == "2026-11-28T14:05:03.123Z W zkq[7] peer-unreachable: server 3\n");
  sink->Log(LogLevel::kDebug, ServerId{7}, "below");
  CHECK(pipe.Read().empty());
}

TEST_CASE("a line stays one line, of what a terminal shows and a pipe takes at once") {
  const Pipe pipe;
  const auto sink = SinkOn(pipe);
  sink->Log(LogLevel::kError, ServerId{1}, "refused: \"a\nb\x1b[2J\"");
  CHECK(pipe.Read().ends_with("refused: \"a?b?[2J\"\n"));
  sink->Log(LogLevel::kError, ServerId{1}, std::string(10'000, 'y'));
  const std::string cut = pipe.Read();
  CHECK(cut.size() == PIPE_BUF);
  CHECK(cut.ends_with("yy\n"));
}

TEST_CASE("to a pipe that nobody reads lines are dropped, and counted once somebody does") {
  const Pipe pipe;
  const auto sink = SinkOn(pipe);
  pipe.Fill();
  for (int i = 0; i < 100; ++i) sink->Log(LogLevel::kInfo, ServerId{1}, "lost");
  CHECK(pipe.Read() == Pipe::Filling());
  sink->Log(LogLevel::kInfo, ServerId{1}, std::string(10'000, 'y'));
  const std::string read = pipe.Read();
  const std::string told = "2026-11-28T14:05:03.123Z W zkq[1] log-dropped: 100 lines\n";
  CHECK(read.starts_with(told));
  CHECK(read.size() == told.size() + PIPE_BUF);  // to tell it takes no room from the line
  sink->Log(LogLevel::kInfo, ServerId{1}, "next");
  CHECK(pipe.Read().ends_with(" I zkq[1] next\n"));
}

TEST_CASE("a line that the disk has no room for is counted") {
  std::FILE* const file = std::tmpfile();
  REQUIRE(file != nullptr);
  const auto sink = NewFdLogSink(fileno(file), LogLevel::kInfo, std::make_shared<Still>());
  const auto restore = signal(SIGXFSZ, SIG_IGN);
  rlimit limit;
  REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = limit.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &none) == 0);
  sink->Log(LogLevel::kInfo, ServerId{1}, "lost");
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  signal(SIGXFSZ, restore);
  sink->Log(LogLevel::kInfo, ServerId{1}, "kept");
  std::string all(1 << 12, '\0');
  all.resize(
      static_cast<size_t>(std::max<ssize_t>(0, pread(fileno(file), all.data(), all.size(), 0))));
  CHECK(all.find("lost") == std::string::npos);
  CHECK(all.find("log-dropped: 1 lines\n") != std::string::npos);
  CHECK(all.ends_with("kept\n"));
  std::fclose(file);
}

bool SigpipeIsPending() {
  sigset_t pending;
  return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

TEST_CASE("a reader that has gone does not end the process") {
  Pipe pipe;
  const auto to_pipe = SinkOn(pipe);
  pipe.CloseReader();
  to_pipe->Log(LogLevel::kInfo, ServerId{1}, "to nobody");

  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const auto to_socket = NewFdLogSink(ends[1], LogLevel::kInfo, std::make_shared<Still>());
  close(ends[0]);
  to_socket->Log(LogLevel::kInfo, ServerId{1}, "to nobody");
  CHECK_FALSE(SigpipeIsPending());
  close(ends[1]);
}

TEST_CASE("a SIGPIPE that was the host's stays the host's") {
  sigset_t sigpipe, before;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
  raise(SIGPIPE);
  Pipe pipe;
  const auto sink = SinkOn(pipe);
  pipe.CloseReader();
  sink->Log(LogLevel::kInfo, ServerId{1}, "to nobody");
  CHECK(SigpipeIsPending());
  constexpr timespec kAtOnce = {};
  CHECK(sigtimedwait(&sigpipe, nullptr, &kAtOnce) == SIGPIPE);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
}  // namespace zkq
