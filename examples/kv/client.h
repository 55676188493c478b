// Client: calls to a replicated key-value store through whichever server answers.
//
// A call goes from server to server until one carries it out, its outcome is not
// known, it can never succeed, or its time is up. Only what is known not to have
// been committed is tried again. One thread at a time.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kv.grpc.pb.h"

namespace kv {

namespace pb = zkq::kv::v1;

struct CallResult {
  absl::Status status;
  bool unknown = false;  // it failed, and may have been carried out all the same
};

class Client {
 public:
  using Stub = pb::Kv::Stub;
  // One attempt: sets up `context`, makes the call.
  using Call = std::function<grpc::Status(Stub& stub, grpc::ClientContext* context)>;

  // `timeout` is for a whole call, all attempts together.
  Client(std::vector<std::string> servers, absl::Duration timeout);

  CallResult Write(const Call& call) { return Run(call, /*changes=*/true); }
  // Makes one attempt only, at the present server or the next that accepts a
  // connection; after a failure goes on with another server.
  CallResult WriteOnce(const Call& call) {
    return ResultOf(Attempt(call, absl::Now() + timeout_), true);
  }
  // Repeating a read does no harm, so it is also tried again when its outcome is unknown.
  // zkq/retry.h says which failures are final.
  CallResult Read(const Call& call) { return Run(call, /*changes=*/false); }

  // Asks one server, for 2 s at most; fails at once if it cannot be reached. On any thread.
  grpc::Status StatusOf(const std::string& server, pb::StatusResponse* response) const;
  // Asks all of them at the same time.
  pb::StatusReport StatusOfAll() const;

  // A connected stub for the present server, or for the next that answers before
  // `deadline`; null if none does.
  Stub* Connect(absl::Time deadline);
  // Goes on with another server, after a pause that grows with each call in a row.
  void Next();

  const std::vector<std::string>& servers() const { return servers_; }
  absl::Duration timeout() const { return timeout_; }

 private:
  CallResult Run(const Call& call, bool changes);
  absl::Status Attempt(const Call& call, absl::Time deadline);
  static CallResult ResultOf(absl::Status status, bool changes);

  const std::vector<std::string> servers_;
  const absl::Duration timeout_;
  size_t current_ = 0;
  absl::Duration pause_ = absl::ZeroDuration();
  std::unique_ptr<Stub> stub_;
};

}  // namespace kv
