// StderrLogSink, on pipes: what it writes, and that a pipe that nobody reads does not hold it.
#include "lib/env/fd_log_sink.h"

#include <fcntl.h>
#include <unistd.h>

#include <climits>
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

class Pipe {
 public:
  Pipe() {
    REQUIRE(pipe(ends_) == 0);
    REQUIRE(fcntl(ends_[1], F_SETPIPE_SZ, 4096) == 4096);
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
  void Fill() const { REQUIRE(write(ends_[1], std::string(4096, 'x').data(), 4096) == 4096); }

 private:
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

TEST_CASE("a pipe that nobody reads holds up no line for long, and what was dropped is counted") {
  const Pipe pipe;
  const auto sink = SinkOn(pipe);
  pipe.Fill();
  for (int i = 0; i < 100; ++i) sink->Log(LogLevel::kInfo, ServerId{1}, "lost");
  CHECK(pipe.Read() == std::string(4096, 'x'));
  sink->Log(LogLevel::kInfo, ServerId{1}, "read again");
  const std::string read = pipe.Read();
  CHECK(read.find(" W zkq[1] log-dropped: 100 lines\n") != std::string::npos);
  CHECK(read.ends_with(" I zkq[1] read again\n"));
}

TEST_CASE("a pipe whose reader has gone does not end the process") {
  Pipe pipe;
  const auto sink = SinkOn(pipe);
  pipe.CloseReader();
  sink->Log(LogLevel::kInfo, ServerId{1}, "to nobody");
}

}  // namespace
}  // namespace zkq
