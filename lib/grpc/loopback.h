// Who is on this machine. Pure.
#pragma once

#include <sys/socket.h>

namespace zkq::transport {

// Whether a connection has not left this machine, by the addresses of its two ends: the peer's is
// 127.0.0.0/8, also written as IPv6, ::1 or a Unix socket; or it is this end's own. What comes from
// elsewhere with an address of this machine a kernel drops, and its answers would not find back.
bool IsLocal(const sockaddr_storage& peer, const sockaddr_storage& own);

}  // namespace zkq::transport
