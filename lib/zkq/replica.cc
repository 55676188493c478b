#include "zkq/replica.h"

#include <utility>

#include "lib/zkq/impl.h"

namespace zkq {
inline namespace v1 {

Replica::Replica(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Replica::~Replica() { impl_->node->Abandon(); }

void Replica::Propose(std::string command, const CallOptions& options, Callback<Reply> done) {
  impl_->node->Propose(std::move(command), options, {.done = std::move(done)});
}

absl::StatusOr<Reply> Replica::Propose(std::string command, const CallOptions& options) {
  return impl_->node->Propose(std::move(command), options);
}

void Replica::Read(std::string request, const ReadOptions& options, Callback<Reply> done) {
  impl_->node->Read(std::move(request), options, {.done = std::move(done)});
}

absl::StatusOr<Reply> Replica::Read(std::string request, const ReadOptions& options) {
  return impl_->node->Read(std::move(request), options);
}

void Replica::TakeSnapshot(Callback<Zxid> done) {
  if (done == nullptr) return impl_->node->TakeSnapshot({});
  impl_->node->TakeSnapshot({.done = [done = std::move(done)](absl::StatusOr<Reply> reply) mutable {
    if (!reply.ok()) return std::move(done)(std::move(reply).status());
    std::move(done)(reply->zxid);
  }});
}

absl::Status Replica::WaitForLeader(absl::Duration timeout) {
  return impl_->node->WaitForLeader(timeout);
}

ReplicaStatus Replica::Status() const { return impl_->node->Status(); }

Subscription Replica::Subscribe(absl::AnyInvocable<void(const Event&)> on_event) {
  if (on_event == nullptr) return {};
  return impl_->node->events.Subscribe(std::move(on_event));
}

absl::Status Replica::Shutdown(absl::Duration grace) { return impl_->node->Shutdown(grace); }

}  // namespace v1
}  // namespace zkq
