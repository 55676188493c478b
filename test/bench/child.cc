#include "test/bench/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <utility>

namespace bench {

Child::Child(const std::vector<std::string>& arguments) {
  std::string self = "/proc/self/exe";
  std::vector<char*> argv = {self.data()};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw std::runtime_error("socketpair failed");
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(ends[1], STDIN_FILENO) < 0 || dup2(ends[1], STDOUT_FILENO) < 0)
      _exit(126);
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(ends[1]);
  from_ = fdopen(ends[0], "r");
  to_ = fdopen(fcntl(ends[0], F_DUPFD_CLOEXEC, 0), "w");
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      to_(std::exchange(other.to_, nullptr)),
      from_(std::exchange(other.from_, nullptr)) {}

Child::~Child() {
  Kill();
  if (to_ != nullptr) fclose(to_);
  if (from_ != nullptr) fclose(from_);
}

void Child::Send(const std::string& line) {
  fputs((line + "\n").c_str(), to_);
  fflush(to_);
}

std::string Child::Receive() {
  char line[256];
  if (fgets(line, sizeof(line), from_) == nullptr)
    throw std::runtime_error("a server process has ended");
  std::string text = line;
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

double Child::CpuSeconds() const {
  std::ifstream stat("/proc/" + std::to_string(pid_) + "/stat");
  std::string text;
  std::getline(stat, text, ')');  // pid and name, which may contain anything
  // utime and stime are the 14th and 15th fields; the 3rd comes next.
  for (int field = 3; field < 14; ++field) stat >> text;
  long user = 0;
  long system = 0;
  stat >> user >> system;
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void Child::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace bench
