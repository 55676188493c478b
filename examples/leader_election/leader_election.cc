// Does work only while it leads. Run three of them, kill the one that works, and
// another takes over:
//   zkq-leader-election 1 1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003 elect1.d work.log
//
// A leader can be deposed without noticing at once: it may be paused, or cut off.
// So each write to the shared resource carries the epoch as fencing token, and the
// resource refuses any token older than the newest it has seen. Epochs only grow
// and have one leader each, which makes that safe without clocks.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <iostream>
#include <mutex>
#include <optional>

#include "zkq/zkq.h"

namespace {

// A log file that many processes write, each line with the token it came under.
// Stands for whatever outside system the leader alone may change.
class FencedLog {
 public:
  explicit FencedLog(std::string path) : path_(std::move(path)) {}

  // False: a newer token has been seen, and nothing was written.
  bool Append(zkq::Epoch token, const std::string& line) {
    int fd = open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) return false;
    flock(fd, LOCK_EX);  // until close
    bool current = NewestToken() <= token;
    if (current) {
      std::string record = std::to_string(token) + " " + line + "\n";
      current = write(fd, record.data(), record.size()) == static_cast<ssize_t>(record.size());
    }
    close(fd);
    return current;
  }

 private:
  zkq::Epoch NewestToken() const {
    zkq::Epoch newest = 0;
    std::ifstream in(path_);
    for (std::string line; std::getline(in, line);) {
      newest = std::max<zkq::Epoch>(newest, std::strtoul(line.c_str(), nullptr, 10));
    }
    return newest;
  }

  const std::string path_;
};

// The epoch this server leads, if any.
class Leadership {
 public:
  void Update(const zkq::ReplicaStatus& status) {
    std::lock_guard lock(mutex_);
    leads_ = status.leads;
    halted_ = status.halted;
    changed_.notify_all();
  }

  // Waits until this server leads. Nothing: it never will, its replica has halted.
  std::optional<zkq::Epoch> Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return leads_ || halted_; });
    return halted_ ? std::nullopt : leads_;
  }

  // Ends early, with false, when `epoch` is not led any more.
  bool KeepFor(zkq::Epoch epoch, std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [&] { return leads_ != epoch; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<zkq::Epoch> leads_;
  bool halted_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: zkq-leader-election ID ENSEMBLE DATA_DIR WORK_LOG\n";
    return 2;
  }
  auto members = zkq::ParseMembers(argv[2]);
  if (!members.ok()) {
    std::cerr << members.status() << "\n";
    return 2;
  }
  // Without a state machine the replica only elects.
  auto replica = zkq::Replica::Start({.id = zkq::ServerId(std::strtoull(argv[1], nullptr, 10)),
                                      .members = *members,
                                      .data_dir = argv[3],
                                      .log_sink = zkq::StderrLogSink()});
  if (!replica.ok()) {
    std::cerr << replica.status() << "\n";
    return 1;
  }

  Leadership leadership;
  // The first event comes at once.
  zkq::Subscription events =
      (*replica)->Subscribe([&](const zkq::Event& event) { leadership.Update(event.status); });

  FencedLog log(argv[4]);
  while (const std::optional<zkq::Epoch> epoch = leadership.Wait()) {
    std::cout << "leading epoch " << *epoch << std::endl;
    do {
      if (!log.Append(*epoch, std::string("worked: ") + argv[1])) {
        std::cout << "refused: a newer leader has written" << std::endl;
      }
    } while (leadership.KeepFor(*epoch, std::chrono::milliseconds(500)));
    std::cout << "stopped leading epoch " << *epoch << std::endl;
  }
  std::cerr << ToString((*replica)->Status()) << "\n";
  return 1;
}
