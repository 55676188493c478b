// Addresses to listen on.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace zkq::transport {

// Binds `address` (host:port, [v6]:port) for a moment, to learn in clear words
// what gRPC would only call a failure. kInvalidArgument: it is no address, or
// its host is unknown; kUnavailable: it is in use or not this machine's;
// kPermissionDenied. Each names the address.
absl::Status ProbeListenAddress(const std::string& address);

}  // namespace zkq::transport
