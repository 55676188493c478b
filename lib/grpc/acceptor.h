// Acceptor: listens, and hands each connection on to be served.
//
// Ours rather than gRPC's for three reasons: an accept() that fails for want of
// file descriptors ends gRPC 1.51's listener for good (CVE-2023-4785), what is
// wrong with an address is said in clear words, and there is no moment between
// finding the port free and having it.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace zkq::transport {

// A file descriptor and its owner.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.Release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  int get() const { return fd_; }
  int Release();

 private:
  int fd_;
};

class Acceptor {
 public:
  // Owns `connection` from then on.
  using Serve = absl::AnyInvocable<void(Fd connection)>;

  // Listens on host:port or [v6]:port, on every address the host has; port 0 is any
  // that is free on all of them. Connections wait until Begin. kInvalidArgument: it is no address
  // with a port; kUnavailable: it is in use, or not this machine's, or its name is not resolved,
  // which may be so for a moment; kPermissionDenied; kResourceExhausted: no file descriptor or
  // memory left. Each names the address.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Listen(const std::string& address);
  ~Acceptor() { Stop(); }

  // As given to Listen, but with the port it got.
  const std::string& address() const { return address_; }

  // `serve` is called on the acceptor's own thread. False: no thread can be had.
  [[nodiscard]] bool Begin(Serve serve);
  // Closes the port. No call to `serve` runs or begins after it. Idempotent.
  void Stop();

 private:
  Acceptor() = default;
  void Loop();
  // False: there is no file descriptor left, and none comes back by refusing.
  bool AcceptOne(int listener);
  bool RefuseOne(int listener);

  std::string address_;
  std::vector<Fd> listeners_;
  Fd spare_;              // given up to accept, and so to refuse, when none is left
  Fd stop_reads_, stop_;  // a pipe; closing the second one ends the loop
  Serve serve_;
  std::thread thread_;
};

}  // namespace zkq::transport
