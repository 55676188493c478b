#include "test/e2e/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace e2e {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Fd NewSocket() {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

// Of this end of a connection, or of the other one.
int PortOf(int fd, decltype(getsockname)* of) {
  sockaddr_in address = {};
  socklen_t size = sizeof(address);
  if (of(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.sin_port);
}

}  // namespace

Fd ListenAt(int port) {
  Fd fd = NewSocket();
  const sockaddr_in address = Loopback(port);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(fd.get(), 128) != 0 || fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) {
    throw std::runtime_error("cannot listen at port " + std::to_string(port));
  }
  return fd;
}

Fd DialTo(int port) {
  Fd fd = NewSocket();
  const sockaddr_in address = Loopback(port);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Fd();
  }
  return fd;
}

int PortOf(const std::string& address) { return std::stoi(address.substr(address.rfind(':') + 1)); }

// Asked of the kernel for this one socket: its list has those of everybody, and those that
// have ended a minute ago.
std::string InodeOfOtherEnd(int fd) {
  struct {
    nlmsghdr head;
    inet_diag_req_v2 about;
  } question = {};
  question.head.nlmsg_len = sizeof(question);
  question.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.head.nlmsg_flags = NLM_F_REQUEST;
  question.about.sdiag_family = AF_INET;
  question.about.sdiag_protocol = IPPROTO_TCP;
  question.about.idiag_states = ~0U;
  inet_diag_sockid& id = question.about.id;
  id.idiag_sport = htons(static_cast<uint16_t>(PortOf(fd, getpeername)));
  id.idiag_dport = htons(static_cast<uint16_t>(PortOf(fd, getsockname)));
  id.idiag_src[0] = id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
  id.idiag_cookie[0] = id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;

  struct {
    nlmsghdr head;
    inet_diag_msg about;
    char more[4096];
  } answer = {};
  const Fd kernel(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (send(kernel.get(), &question, sizeof(question), 0) < 0 ||
      recv(kernel.get(), &answer, sizeof(answer), 0) < 0 ||
      answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY) {
    return "";
  }
  return std::to_string(answer.about.idiag_inode);
}

std::set<std::string> ConnectionsWithUnsent(pid_t pid) {
  std::set<std::string> connections;
  for (const char* family : {"tcp", "tcp6"}) {
    std::ifstream table("/proc/" + std::to_string(pid) + "/net/" + family);
    std::string line;
    std::getline(table, line);  // the names of the columns
    while (std::getline(table, line)) {
      std::string number, here, there, state, queues;
      std::istringstream(line) >> number >> here >> there >> state >> queues;
      if (queues.substr(0, queues.find(':')) != "00000000") connections.insert(here + " " + there);
    }
  }
  return connections;
}

bool HoldsSocket(pid_t pid, const std::string& inode) {
  using Entries = std::filesystem::directory_iterator;
  const std::string link = "socket:[" + inode + "]";
  std::error_code error;  // the process may have ended, or close what is looked at
  for (Entries entry("/proc/" + std::to_string(pid) + "/fd", error); entry != Entries();
       entry.increment(error)) {
    if (std::filesystem::read_symlink(*entry, error) == link) return true;
  }
  return false;
}

}  // namespace e2e
