#include "test/grpc/grpc_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <set>

namespace zkq::testing {
namespace {

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool bound = bind(fd, generic, size) == 0 && getsockname(fd, generic, &size) == 0;
  close(fd);
  return bound ? ntohs(address.sin_port) : 0;
}

}  // namespace

std::string FreeAddress() {
  static std::mutex mutex;
  static std::set<int> given;
  const std::lock_guard lock(mutex);
  int port = FreePort();
  while (!given.insert(port).second) port = FreePort();
  return "127.0.0.1:" + std::to_string(port);
}

}  // namespace zkq::testing
