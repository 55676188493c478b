#include "lib/grpc/acceptor.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "lib/base/absl/string_view.h"
#include "lib/base/host_port.h"

namespace zkq::transport {
namespace {

constexpr int kBacklog = 128;
// Tries for a port that is free on every address of the host.
constexpr int kFreePortAttempts = 16;
// How long nothing is accepted when not even refusing works.
constexpr int kNoFdPauseMs = 50;

absl::Status Error(absl::StatusCode code, const std::string& address, std::string_view why) {
  return absl::Status(code, ToAbsl("\"" + address + "\": " + std::string(why)));
}

// No descriptor, or no memory of the kernel's, is left.
bool IsOutOfRoom(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

absl::Status ErrnoError(const std::string& address, int error) {
  const std::string text(FromAbsl(absl::ErrnoToStatus(error, "cannot listen").message()));
  if (IsOutOfRoom(error)) return Error(absl::StatusCode::kResourceExhausted, address, text);
  switch (error) {
    case EADDRINUSE:
      return Error(absl::StatusCode::kUnavailable, address, "address in use");
    case EADDRNOTAVAIL:
      return Error(absl::StatusCode::kUnavailable, address, "not an address of this machine");
    case EACCES:
    case EPERM:
      return Error(absl::StatusCode::kPermissionDenied, address, "permission denied");
    default:
      return Error(absl::StatusCode::kUnavailable, address, text);
  }
}

// `error` is getaddrinfo's, `system_error` is the errno that goes with its EAI_SYSTEM.
absl::Status ResolverError(const std::string& address, int error, int system_error) {
  switch (error) {
    case EAI_SYSTEM:
      return ErrnoError(address, system_error);
    case EAI_MEMORY:
      return ErrnoError(address, ENOMEM);
    default:  // A name that is not known may be soon: a machine, or a pod, is being set up.
      return Error(absl::StatusCode::kUnavailable, address,
                   "the name is not resolved (" + std::string(gai_strerror(error)) + ")");
  }
}

// A listening socket, or none with `error` set.
Fd ListenAt(const addrinfo& where, int* error) {
  Fd fd(socket(where.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) {
    *error = errno;
    return Fd();
  }
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // The wildcard of IPv4 comes as an address of its own.
  if (where.ai_family == AF_INET6) {
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  }
  if (bind(fd.get(), where.ai_addr, where.ai_addrlen) != 0 || listen(fd.get(), kBacklog) != 0) {
    *error = errno;
    return Fd();
  }
  return fd;
}

// The two kinds of address keep their port in different places.
in_port_t* PortIn(sockaddr* address) {
  if (address->sa_family == AF_INET6) return &reinterpret_cast<sockaddr_in6*>(address)->sin6_port;
  return &reinterpret_cast<sockaddr_in*>(address)->sin_port;
}

in_port_t PortOf(const Fd& listener) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  return getsockname(listener.get(), generic, &size) == 0 ? *PortIn(generic) : 0;
}

// Listeners at all of `found`, on one port. A host may have addresses that cannot be
// had, such as IPv6 where there is none; one that somebody else has, or that there is no
// room for, is another matter.
std::vector<Fd> ListenAtAll(const addrinfo* found, int* error) {
  std::vector<Fd> listeners;
  *error = 0;
  for (const addrinfo* where = found; where != nullptr; where = where->ai_next) {
    // Port 0: the first address gets any port, and the others must have the same.
    if (!listeners.empty()) *PortIn(where->ai_addr) = PortOf(listeners.front());
    Fd listener = ListenAt(*where, error);
    if (listener.get() >= 0) listeners.push_back(std::move(listener));
    if (*error == EADDRINUSE || IsOutOfRoom(*error)) return {};
  }
  return listeners;
}

std::vector<Fd> ListenAtAllOnAnyPort(const addrinfo* found, int* error) {
  std::vector<Fd> listeners;
  for (int attempt = 0; attempt < kFreePortAttempts && listeners.empty(); ++attempt) {
    *PortIn(found->ai_addr) = 0;
    listeners = ListenAtAll(found, error);
    if (*error != EADDRINUSE) break;
  }
  return listeners;
}

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

// Where to listen; null, with the resolver's `error` set, if the host is not known.
Addresses Resolve(const HostPort& where, int* error) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string host(where.host), port = std::to_string(where.port);
  *error = getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
  return Addresses(*error == 0 ? found : nullptr, &freeaddrinfo);
}

Fd Spare() { return Fd(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = other.Release();
  }
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

int Fd::Release() { return std::exchange(fd_, -1); }

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Listen(const std::string& address) {
  const std::optional<HostPort> where = ReadHostPort(address);
  if (!where) {
    return Error(absl::StatusCode::kInvalidArgument, address, "not of the form host:port");
  }
  int error = 0;
  const Addresses found = Resolve(*where, &error);
  if (found == nullptr) return ResolverError(address, error, errno);
  std::unique_ptr<Acceptor> acceptor(new Acceptor());
  acceptor->listeners_ = where->port == 0 ? ListenAtAllOnAnyPort(found.get(), &error)
                                          : ListenAtAll(found.get(), &error);
  if (acceptor->listeners_.empty()) return ErrnoError(address, error);
  const in_port_t port = ntohs(PortOf(acceptor->listeners_.front()));
  acceptor->address_ = address.substr(0, address.rfind(':') + 1) + std::to_string(port);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoError(address, errno);
  acceptor->stop_reads_ = Fd(ends[0]);
  acceptor->stop_ = Fd(ends[1]);
  acceptor->spare_ = Spare();
  return acceptor;
}

bool Acceptor::Begin(Serve serve) {
  serve_ = std::move(serve);
  try {
    thread_ = std::thread([this] { Loop(); });
  } catch (const std::system_error&) {  // out of threads
    return false;
  }
  return true;
}

void Acceptor::Stop() {
  stop_ = Fd();
  if (thread_.joinable()) thread_.join();
  listeners_.clear();
}

void Acceptor::Loop() {
  std::vector<pollfd> polled = {{.fd = stop_reads_.get(), .events = POLLIN, .revents = 0}};
  for (const Fd& listener : listeners_) polled.push_back({listener.get(), POLLIN, 0});
  for (;;) {
    poll(polled.data(), polled.size(), -1);
    if (polled[0].revents != 0) return;
    bool short_of_fds = false;
    for (size_t i = 1; i < polled.size(); ++i) {
      if (polled[i].revents != 0 && !AcceptOne(polled[i].fd)) short_of_fds = true;
    }
    if (short_of_fds) poll(polled.data(), 1, kNoFdPauseMs);
  }
}

bool Acceptor::AcceptOne(int listener) {
  Fd connection(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (connection.get() < 0) return !IsOutOfRoom(errno) || RefuseOne(listener);
  const int on = 1;
  setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  serve_(std::move(connection));
  return true;
}

// A connection that waits is closed rather than kept waiting: its dialler tries again.
bool Acceptor::RefuseOne(int listener) {
  if (spare_.get() < 0) spare_ = Spare();
  if (spare_.get() < 0) return false;
  spare_ = Fd();
  { const Fd refused(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)); }
  spare_ = Spare();
  return spare_.get() >= 0;
}

}  // namespace zkq::transport
