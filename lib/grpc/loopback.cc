#include "lib/grpc/loopback.h"

#include <netinet/in.h>

#include <cstdint>
#include <cstring>
#include <optional>

namespace zkq::transport {
namespace {

constexpr uint8_t kLoopbackNet = 127;

// As IPv6 writes it. Nothing: neither IPv4 nor IPv6.
std::optional<in6_addr> HostOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof(v6));
    return v6.sin6_addr;
  }
  if (address.ss_family != AF_INET) return std::nullopt;
  sockaddr_in v4;
  std::memcpy(&v4, &address, sizeof(v4));
  in6_addr mapped = {};
  mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
  std::memcpy(&mapped.s6_addr[12], &v4.sin_addr, sizeof(v4.sin_addr));
  return mapped;
}

}  // namespace

bool IsLocal(const sockaddr_storage& peer, const sockaddr_storage& own) {
  if (peer.ss_family == AF_UNIX) return true;
  const std::optional<in6_addr> there = HostOf(peer), here = HostOf(own);
  if (!there) return false;
  if (IN6_IS_ADDR_V4MAPPED(&*there) && there->s6_addr[12] == kLoopbackNet) return true;
  if (IN6_IS_ADDR_LOOPBACK(&*there)) return true;
  return here && IN6_ARE_ADDR_EQUAL(&*there, &*here);
}

}  // namespace zkq::transport
