#include "test/e2e/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
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

// In one line of /proc/net/tcp: the port of an address in hexadecimal.
int HexPortOf(const std::string& address) {
  return std::stoi(address.substr(address.rfind(':') + 1), nullptr, 16);
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

std::string InodeOfOtherEnd(int fd) {
  const int local = PortOf(fd, getpeername);
  const int remote = PortOf(fd, getsockname);
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(table);
    std::string line;
    std::getline(file, line);  // the head
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string slot, from, to, ignored, inode;
      fields >> slot >> from >> to;
      for (int i = 0; i < 6; ++i) fields >> ignored;
      fields >> inode;
      if (HexPortOf(from) == local && HexPortOf(to) == remote) return inode;
    }
  }
  return "";
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
