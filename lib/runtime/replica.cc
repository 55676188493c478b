// Replica: judges each call, hands it on, and waits for it in the blocking forms.
#include "zkq/replica.h"

#include <atomic>
#include <utility>

#include "lib/runtime/errors.h"
#include "lib/runtime/options.h"
#include "lib/runtime/replica_impl.h"
#include "lib/runtime/start_replica.h"

namespace zkq {
inline namespace v1 {

using runtime::Caller;
using runtime::Calls;
using Kind = Calls::Kind;

// --- a call --------------------------------------------------------------------------

void Replica::Impl::Take(Asked asked, Caller caller) {
  Calls& calls = node->calls();
  if (absl::Status objection = Objection(asked); !objection.ok()) {
    return calls.Refuse(std::move(objection), std::move(caller));
  }
  const absl::Duration deadline = Now() + asked.timeout;
  const Calls::Added added = calls.Add(asked.kind, std::move(asked.text), deadline, &caller);
  if (added.verdict == Calls::Verdict::kClosed) {
    return calls.Refuse(node->Closed(), std::move(caller));
  }
  if (added.verdict == Calls::Verdict::kOverloaded) {
    const size_t bytes_max = node->options().max_outstanding_bytes;
    return calls.Refuse(runtime::Overloaded(bytes_max), std::move(caller));
  }
  if (asked.kind == Kind::kWrite || asked.kind == Kind::kIndexRead) {
    if (added.first) node->protocol().OnCalls();
    return;
  }
  node->protocol().OnDeadline(deadline);
  if (asked.kind == Kind::kChange) {
    return node->protocol().Reconfigure(added.tag, std::move(asked.next), deadline);
  }
  if (asked.kind == Kind::kSnapshot) return node->applier().TakeSnapshot(added.tag);
  node->applier().Answer({added.tag}, asked.at_least);
}

absl::Status Replica::Impl::Objection(const Asked& asked) const {
  if (absl::Status closed = node->Closed(); !closed.ok()) return closed;
  if (asked.kind == Kind::kChange) return absl::OkStatus();
  if (!node->has_state_machine()) return runtime::NoStateMachine();
  const size_t bytes_max = node->options().max_command_bytes;
  if (asked.kind == Kind::kWrite && asked.text.size() > bytes_max) {
    return runtime::TooLarge(asked.text.size(), bytes_max);
  }
  const runtime::StatusBoard& board = node->board();
  if (Now() - board.as_of() > asked.max_staleness) return runtime::TooStale(board.leader());
  // Those that are here already wait for the next leader; a new one can be made elsewhere.
  if (asked.kind == Kind::kWrite && board.looks()) {
    return runtime::Rejected(RejectReason::kNoLeader, std::nullopt);
  }
  return absl::OkStatus();
}

absl::StatusOr<Reply> Replica::Impl::Await(Asked asked, std::string_view name) {
  if (node->OnZkqThread()) return runtime::OnOwnThread(name);
  struct Answer {
    absl::StatusOr<Reply> result;
    std::atomic<bool> there{false};
  };
  const auto answer = std::make_shared<Answer>();
  const auto done = [answer](absl::StatusOr<Reply> result) {
    answer->result = std::move(result);
    answer->there = true;
  };
  Take(std::move(asked), {.done = done, .waits = true});
  // The call's own deadline and the replica's end see to it that an answer comes.
  const bool there =
      waiters().Await([&] { return answer->there.load(); }, absl::InfiniteDuration());
  // Not there: a simulated process that was killed.
  if (!there) return runtime::EndedByShutdown(runtime::Fate::kSent);
  return std::move(answer->result);
}

// --- what users call -----------------------------------------------------------------

namespace {

Replica::Impl::Asked WriteOf(std::string command, const CallOptions& call) {
  return {.text = std::move(command), .timeout = call.timeout};
}

Replica::Impl::Asked ReadOf(std::string request, const ReadOptions& read) {
  Replica::Impl::Asked asked{
      .kind = Kind::kIndexRead, .text = std::move(request), .timeout = read.timeout};
  if (read.consistency != Consistency::kLinearizable) asked.kind = Kind::kRead;
  if (read.consistency == Consistency::kSequential) asked.at_least = read.at_least;
  if (read.consistency == Consistency::kLocal) asked.max_staleness = read.max_staleness;
  return asked;
}

}  // namespace

Replica::Replica(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Replica::~Replica() { impl_->node->Abandon(); }

void Replica::Propose(std::string command, const CallOptions& options, Callback<Reply> done) {
  impl_->Take(WriteOf(std::move(command), options), {.done = std::move(done)});
}

absl::StatusOr<Reply> Replica::Propose(std::string command, const CallOptions& options) {
  return impl_->Await(WriteOf(std::move(command), options), "Propose");
}

void Replica::Read(std::string request, const ReadOptions& options, Callback<Reply> done) {
  impl_->Take(ReadOf(std::move(request), options), {.done = std::move(done)});
}

absl::StatusOr<Reply> Replica::Read(std::string request, const ReadOptions& options) {
  return impl_->Await(ReadOf(std::move(request), options), "Read");
}

void Replica::TakeSnapshot(const CallOptions& options, Callback<Zxid> done) {
  Caller caller;
  if (done != nullptr) {
    caller.done = [done = std::move(done)](absl::StatusOr<Reply> reply) mutable {
      if (!reply.ok()) return std::move(done)(std::move(reply).status());
      std::move(done)(reply->zxid);
    };
  }
  impl_->Take({.kind = Kind::kSnapshot, .timeout = options.timeout}, std::move(caller));
}

absl::StatusOr<Zxid> Replica::TakeSnapshot(const CallOptions& options) {
  absl::StatusOr<Reply> reply =
      impl_->Await({.kind = Kind::kSnapshot, .timeout = options.timeout}, "TakeSnapshot");
  if (!reply.ok()) return std::move(reply).status();
  return reply->zxid;
}

absl::Status Replica::WaitForLeader(absl::Duration timeout) {
  runtime::Node& node = *impl_->node;
  if (node.OnZkqThread()) return runtime::OnOwnThread("WaitForLeader");
  const auto over = [&] { return node.board().has_leader() || !node.Closed().ok(); };
  const bool is_over = impl_->waiters().Await(over, timeout);
  if (absl::Status closed = node.Closed(); !closed.ok()) return closed;
  if (is_over) return absl::OkStatus();
  return MakeError(absl::StatusCode::kDeadlineExceeded, "no leader is established yet");
}

absl::Status Replica::WaitUntilReady(absl::Duration timeout) {
  runtime::Node& node = *impl_->node;
  if (node.OnZkqThread()) return runtime::OnOwnThread("WaitUntilReady");
  absl::Status ready;
  const auto over = [&] {
    ready = node.board().Ready(node.options().env.clock->Monotonic());
    return ready.ok() || !node.Closed().ok();
  };
  impl_->waiters().Await(over, timeout);
  if (absl::Status closed = node.Closed(); !closed.ok()) return closed;
  return ready;
}

ReplicaStatus Replica::Status() const { return impl_->node->Status(); }

Subscription Replica::Subscribe(absl::AnyInvocable<void(const Event&)> on_event) {
  if (on_event == nullptr) return {};
  return impl_->node->events().Subscribe(std::move(on_event));
}

absl::Status Replica::Shutdown(absl::Duration grace) { return impl_->node->Shutdown(grace); }

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
