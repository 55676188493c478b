#include "zkq/replica.h"

#include <utility>

#include "lib/runtime/front.h"
#include "lib/runtime/options.h"
#include "lib/runtime/start_replica.h"

namespace zkq {
inline namespace v1 {

class Replica::Impl {
 public:
  explicit Impl(std::shared_ptr<runtime::Node> node) : front(std::move(node)) {}
  runtime::Front front;
};

Replica::Replica(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Replica::~Replica() { impl_->front.node().Abandon(); }

void Replica::Propose(std::string command, const CallOptions& options, Callback<Reply> done) {
  impl_->front.Propose(std::move(command), options, {.done = std::move(done)});
}

absl::StatusOr<Reply> Replica::Propose(std::string command, const CallOptions& options) {
  return impl_->front.Propose(std::move(command), options);
}

void Replica::Read(std::string request, const ReadOptions& options, Callback<Reply> done) {
  impl_->front.Read(std::move(request), options, {.done = std::move(done)});
}

absl::StatusOr<Reply> Replica::Read(std::string request, const ReadOptions& options) {
  return impl_->front.Read(std::move(request), options);
}

void Replica::TakeSnapshot(Callback<Zxid> done) {
  if (done == nullptr) return impl_->front.TakeSnapshot({});
  impl_->front.TakeSnapshot({.done = [done = std::move(done)](absl::StatusOr<Reply> reply) mutable {
    if (!reply.ok()) return std::move(done)(std::move(reply).status());
    std::move(done)(reply->zxid);
  }});
}

absl::Status Replica::WaitForLeader(absl::Duration timeout) {
  return impl_->front.WaitForLeader(timeout);
}

ReplicaStatus Replica::Status() const { return impl_->front.node().Status(); }

Subscription Replica::Subscribe(absl::AnyInvocable<void(const Event&)> on_event) {
  if (on_event == nullptr) return {};
  return impl_->front.node().events().Subscribe(std::move(on_event));
}

absl::Status Replica::Shutdown(absl::Duration grace) { return impl_->front.node().Shutdown(grace); }

}  // namespace v1

namespace runtime {

absl::StatusOr<std::unique_ptr<Replica>> StartReplica(ReplicaOptions options,
                                                      const Tuning& tuning) {
  if (absl::Status s = CheckOptions(options); !s.ok()) return s;
  absl::StatusOr<std::shared_ptr<Node>> node = Node::Start(std::move(options), tuning);
  if (!node.ok()) return std::move(node).status();
  return std::make_unique<Replica>(std::make_unique<Replica::Impl>(*std::move(node)));
}

}  // namespace runtime
}  // namespace zkq
