// Asks servers how they stand, and has their configuration changed, from outside: in a tool, or a
// program that runs no replica. It needs an address of a peer port, and nothing else; zkqctl
// (examples/ctl) is made of this header.
//
// A server answers how it stands at any time, to anybody. Changes it takes from its own machine
// alone (over loopback, or to an address of this machine from the same one), unless it was started
// with ReplicaOptions::admin_from_anywhere: there is no authentication yet.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "zkq/env.h"
#include "zkq/quorum_transport.h"
#include "zkq/replica_status.h"
#include "zkq/types.h"

namespace zkq {
inline namespace v1 {

// What Replica::Status() returns there. `done` is called exactly once, on any thread; inside this
// call only where nothing can be asked (a transport that asks no questions, or is not started). It
// must not block. Errors as QuorumTransport::Ask has them, and kInternal: the answer
// cannot be read. None has changed anything, and GetErrorInfo says so.
ZKQ_EXPORT void AskStatus(QuorumTransport& transport, ServerId to, absl::Duration timeout,
                          absl::AnyInvocable<void(absl::StatusOr<ReplicaStatus>) &&> done);

// Reconfigure (zkq/reconfiguration.h), called there; all that it says of a failed call comes back,
// and GetErrorInfo(status) tells of it. The call ends after `timeout`, and its answer may take five
// seconds more. Of the other errors
//   kInvalidArgument     `next` is no configuration; told inside this call   not committed
//   kPermissionDenied    not asked on its own machine, and no other is taken   not committed
//   kResourceExhausted, kUnimplemented, kFailedPrecondition
//                        as QuorumTransport::Ask                         not committed
//   others               the answer is lost, or cannot be read           unknown
// `done` as above.
ZKQ_EXPORT void AskReconfigure(QuorumTransport& transport, ServerId to, Membership next,
                               absl::Duration timeout,
                               absl::AnyInvocable<void(absl::StatusOr<Membership>) &&> done);

// Asks servers by their addresses, through a transport of its own that neither listens nor
// dials anybody by itself. Every call waits for its answer; any number may run side by side, on
// any threads but those of `env`. Lives on real time.
class ZKQ_EXPORT Outside {
 public:
  // Starts its threads. What is null in `env` is filled in, as is `transport`, which is not started
  // yet. Errors: kResourceExhausted (no thread is left), kInvalidArgument (this build has no
  // transport of its own).
  static absl::StatusOr<std::unique_ptr<Outside>> Start(
      Env env = {}, std::unique_ptr<QuorumTransport> transport = nullptr);
  ~Outside();

  // As AskStatus and AskReconfigure; `address` is host:port of any server's peer port. A name is
  // resolved anew each time.
  absl::StatusOr<ReplicaStatus> StatusOf(std::string_view address, absl::Duration timeout);
  absl::StatusOr<Membership> Reconfigure(std::string_view address, Membership next,
                                         absl::Duration timeout);
  // Of the first that answers, all asked at once. None does: what the first of them says.
  absl::StatusOr<ReplicaStatus> StatusOfAny(const std::vector<std::string>& addresses,
                                            absl::Duration timeout);

 private:
  class Impl;
  explicit Outside(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace zkq
