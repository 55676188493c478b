// Who is on this machine. Pure.
#pragma once

#include <sys/socket.h>

namespace zkq::transport {

// The address at the other end of a connection that has not left this machine: 127.0.0.0/8, also
// written as IPv6, ::1, or a Unix socket.
bool IsLoopback(const sockaddr_storage& peer);

}  // namespace zkq::transport
