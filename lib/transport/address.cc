#include "lib/transport/address.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "lib/base/absl/string_view.h"

namespace zkq::transport {
namespace {

struct HostPort {
  std::string host;
  std::string port;
};

std::optional<HostPort> Split(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = address.substr(0, colon), port = address.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number == 0) return std::nullopt;
  return HostPort{std::string(host), std::string(port)};
}

absl::Status Error(absl::StatusCode code, const std::string& address, std::string_view why) {
  return absl::Status(code, ToAbsl("listen address \"" + address + "\": " + std::string(why)));
}

absl::Status BindError(const std::string& address, int error) {
  switch (error) {
    case EADDRINUSE:
      return Error(absl::StatusCode::kUnavailable, address, "address in use");
    case EACCES:
    case EPERM:
      return Error(absl::StatusCode::kPermissionDenied, address, "permission denied");
    case EADDRNOTAVAIL:
      return Error(absl::StatusCode::kUnavailable, address, "not an address of this machine");
    default:
      return Error(absl::StatusCode::kUnavailable, address,
                   "cannot bind (errno " + std::to_string(error) + ")");
  }
}

// 0, or the errno of what failed.
int Bind(const addrinfo& where) {
  const int fd = socket(where.ai_family, where.ai_socktype | SOCK_CLOEXEC, where.ai_protocol);
  if (fd < 0) return errno;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));  // as gRPC does
  const int error = bind(fd, where.ai_addr, where.ai_addrlen) != 0 ? errno : 0;
  close(fd);
  return error;
}

}  // namespace

absl::Status ProbeListenAddress(const std::string& address) {
  const std::optional<HostPort> split = Split(address);
  if (!split) {
    return Error(absl::StatusCode::kInvalidArgument, address, "not of the form host:port");
  }
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const char* const host = split->host.empty() ? nullptr : split->host.c_str();
  if (const int error = getaddrinfo(host, split->port.c_str(), &hints, &found); error != 0) {
    return Error(absl::StatusCode::kInvalidArgument, address, gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  int error = EADDRNOTAVAIL;  // One that can be bound is enough, as for gRPC.
  for (const addrinfo* where = found; where != nullptr && error != 0; where = where->ai_next) {
    error = Bind(*where);
  }
  return error == 0 ? absl::OkStatus() : BindError(address, error);
}

}  // namespace zkq::transport
