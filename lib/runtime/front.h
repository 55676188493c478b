// Front: what the user calls of a replica, on any thread: judges each call, hands it on,
// and waits for those in a blocking form.
//
// What the calls promise: zkq/replica.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "lib/runtime/calls.h"
#include "lib/runtime/node.h"
#include "zkq/options.h"

namespace zkq::runtime {

class Front {
 public:
  explicit Front(std::shared_ptr<Node> node) : node_(std::move(node)) {}

  void Propose(std::string command, const CallOptions& options, Caller caller);
  void Read(std::string request, const ReadOptions& options, Caller caller);
  void TakeSnapshot(Caller caller);
  absl::StatusOr<Reply> Propose(std::string command, const CallOptions& options);
  absl::StatusOr<Reply> Read(std::string request, const ReadOptions& options);
  absl::Status WaitForLeader(absl::Duration timeout);
  Node& node() { return *node_; }

 private:
  struct Asked {
    Calls::Kind kind = Calls::Kind::kWrite;
    std::string text = {};
    absl::Duration timeout = absl::InfiniteDuration();
    Zxid at_least = {};  // of kRead
  };
  void Take(Asked asked, Caller caller);
  absl::Status Objection(const Asked& asked) const;
  absl::StatusOr<Reply> Await(absl::AnyInvocable<void(Caller)> ask, std::string_view name);

  const std::shared_ptr<Node> node_;
};

}  // namespace zkq::runtime
