#include "test/e2e/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace e2e {
namespace {

// In the child, between fork and exec.
void Redirect(const std::string& path, int to) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0 || dup2(fd, to) < 0) _exit(126);
}

// Binds a socket to `port` that never listens, and leaves it open: to a process that asks without
// SO_REUSEADDR, as this function does, the port is taken.
bool Reserve(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    close(fd);
    return false;
  }
  const int on = 1;  // set after bind: from here on a listener may share the port
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  return true;
}

}  // namespace

void WaitFor(const std::string& what, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("waited in vain for: " + what);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

int FreePort() {
  static std::mt19937 random{std::random_device{}()};
  for (;;) {
    int port = std::uniform_int_distribution<int>(10'240, 32'000)(random);
    if (Reserve(port)) return port;
  }
}

Process::Process(const std::vector<std::string>& command, const std::string& stdout_path,
                 const std::string& stderr_path, int network) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(126);
  if (network >= 0 && setns(network, CLONE_NEWNET) != 0) _exit(126);
  Redirect(stdout_path, STDOUT_FILENO);
  Redirect(stderr_path, STDERR_FILENO);
  execv(argv[0], argv.data());
  _exit(127);
}

Process::~Process() { Kill(); }

void Process::Signal(int signal) {
  if (running()) kill(pid_, signal);
}

// The signal alone takes its time, in which the process goes on.
void Process::Stop() {
  Signal(SIGSTOP);
  siginfo_t info = {};
  constexpr int kStands = WSTOPPED | WEXITED | WNOWAIT;
  while (running() && waitid(P_PID, static_cast<id_t>(pid_), &info, kStands) < 0 &&
         errno == EINTR) {
  }
}

void Process::Kill() {
  Signal(SIGKILL);
  if (!code_.has_value()) Reap(0);
}

int Process::Wait() {
  WaitFor("the end of process " + std::to_string(pid_), [this] { return !running(); });
  return *code_;
}

bool Process::running() { return !code_.has_value() && !Reap(WNOHANG); }

bool Process::Reap(int options) {
  int status = 0;
  pid_t ended = 0;
  do {
    ended = waitpid(pid_, &status, options);
  } while (ended < 0 && errno == EINTR);
  if (ended != pid_) return false;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return true;
}

Finished Run(const std::vector<std::string>& command, int network) {
  TempDir dir;
  const std::string out = dir.path() + "/out";
  const std::string err = dir.path() + "/err";
  Process process(command, out, err, network);
  const int code = process.Wait();
  return {code, ReadFile(out), ReadFile(err)};
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

int Count(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TempDir::TempDir() {
  const char* base = getenv("TMPDIR");
  path_ = std::string(base == nullptr ? "/tmp" : base) + "/zkq-test-XXXXXX";
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary directory");
}

TempDir::~TempDir() {
  std::error_code ignored;  // What cannot be removed harms no test.
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace e2e
