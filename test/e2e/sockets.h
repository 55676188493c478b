// Sockets of 127.0.0.1, and who holds them.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <set>
#include <string>
#include <utility>

namespace e2e {

// A file descriptor, closed when it is destroyed.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Does not block in accept. Throws std::runtime_error if the port is taken.
Fd ListenAt(int port);
// None (-1) if nobody listens there.
Fd DialTo(int port);
// Of host:port.
int PortOf(const std::string& address);

// The inode of the socket that `fd` is connected with, if it is one of this machine; else "".
std::string InodeOfOtherEnd(int fd);
// The TCP connections, by their ends, that hold bytes which were written and never arrived: of
// all processes in the network namespace of `pid`.
std::set<std::string> ConnectionsWithUnsent(pid_t pid);
// Whether the process has it open.
bool HoldsSocket(pid_t pid, const std::string& inode);

}  // namespace e2e
