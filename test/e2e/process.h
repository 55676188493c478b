// A child process, started and watched by a test.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace e2e {

// Long enough for a loaded machine; nothing is expected to take it.
inline constexpr std::chrono::seconds kDeadline{60};

// Looks at `condition` again and again until it holds. Throws std::runtime_error
// naming `what` when it does not within kDeadline.
void WaitFor(const std::string& what, const std::function<bool()>& condition);

// A TCP port of 127.0.0.1 that nobody listens on, outside of the range that outgoing
// connections take theirs from. Tests that run beside this one do not get it as long as this
// process lives; a server that sets SO_REUSEADDR, as gRPC's and zkq's do, may listen there.
int FreePort();

// Killed, and waited for, when it is destroyed; also when this process dies.
// One thread.
class Process {
 public:
  // The output of the process goes to `stdout_path` and `stderr_path`, appended. `network` is
  // the namespace that it runs in (setns), -1: that of this process.
  Process(const std::vector<std::string>& command, const std::string& stdout_path,
          const std::string& stderr_path, int network = -1);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void Signal(int signal);
  // SIGSTOP; returns when none of its threads runs any more.
  void Stop();
  // SIGKILL; returns when it is gone.
  void Kill();
  // Waits for its own end: the exit code, or minus the signal that ended it.
  int Wait();
  bool running();
  pid_t pid() const { return pid_; }

 private:
  bool Reap(int options);

  pid_t pid_ = -1;
  std::optional<int> code_;
};

struct Finished {
  int code = 0;
  std::string out;
  std::string err;
};
// Runs `command` to its end, in `network` as a Process.
Finished Run(const std::vector<std::string>& command, int network = -1);

std::string ReadFile(const std::string& path);
// How often `part` stands in `text`.
int Count(const std::string& text, const std::string& part);

// A directory of its own, removed with all it holds.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace e2e
