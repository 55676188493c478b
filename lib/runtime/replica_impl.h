// What a Replica is inside: its calls, whatever they ask for, go in by one door. Headers of free
// functions over a Replica (zkq/reconfiguration.h) use it, too.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "lib/runtime/node.h"
#include "zkq/replica.h"

namespace zkq {
inline namespace v1 {

class Replica::Impl {
 public:
  struct Asked {
    runtime::Calls::Kind kind = runtime::Calls::Kind::kWrite;
    std::string text = {};
    absl::Duration timeout = absl::InfiniteDuration();
    Zxid at_least = {};  // of kRead
    absl::Duration max_staleness = absl::InfiniteDuration();
    Membership next = {};  // of kChange
  };
  explicit Impl(std::shared_ptr<runtime::Node> given) : node(std::move(given)) {}

  // Takes the call on, or tells `caller` why not.
  void Take(Asked asked, runtime::Caller caller);
  // As zkq/reconfiguration.h says.
  void Reconfigure(Membership next, const CallOptions& options, Callback<Membership> done);
  absl::StatusOr<Membership> Reconfigure(Membership next, const CallOptions& options);
  // The blocking form, by its name.
  absl::StatusOr<Reply> Await(Asked asked, std::string_view name);
  Executor& waiters() const { return *node->options().env.executor; }

  const std::shared_ptr<runtime::Node> node;

 private:
  absl::Status Objection(const Asked& asked) const;
  // What the leader need not be asked about.
  absl::Status Objection(const Membership& next) const;
  absl::Duration Now() const { return node->options().env.clock->Monotonic(); }
};

}  // namespace v1
}  // namespace zkq
