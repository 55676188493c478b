#include "lib/grpc/loopback.h"

#include <netinet/in.h>

#include <cstdint>
#include <cstring>

namespace zkq::transport {
namespace {

constexpr uint8_t kLoopbackNet = 127;

}  // namespace

bool IsLoopback(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_UNIX) return true;
  if (peer.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &peer, sizeof(v4));
    return ntohl(v4.sin_addr.s_addr) >> 24 == kLoopbackNet;
  }
  if (peer.ss_family != AF_INET6) return false;
  sockaddr_in6 v6;
  std::memcpy(&v6, &peer, sizeof(v6));
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return v6.sin6_addr.s6_addr[12] == kLoopbackNet;
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

}  // namespace zkq::transport
