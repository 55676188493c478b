#include "lib/runtime/front.h"

#include <atomic>
#include <utility>

#include "lib/runtime/errors.h"

namespace zkq::runtime {

using Kind = Calls::Kind;

void Front::Propose(std::string command, const CallOptions& call, Caller caller) {
  Take({.kind = Kind::kWrite, .text = std::move(command), .timeout = call.timeout},
       std::move(caller));
}

void Front::Read(std::string request, const ReadOptions& read, Caller caller) {
  Asked asked{.kind = Kind::kIndexRead, .text = std::move(request), .timeout = read.timeout};
  if (read.consistency != Consistency::kLinearizable) asked.kind = Kind::kRead;
  if (read.consistency == Consistency::kSequential) asked.at_least = read.at_least;
  const StatusBoard& board = node_->board();
  if (read.consistency == Consistency::kLocal &&
      node_->options().env.clock->Monotonic() - board.heard() > read.max_staleness) {
    return node_->calls().Refuse(TooStale(board.leader()), std::move(caller));
  }
  Take(std::move(asked), std::move(caller));
}

void Front::TakeSnapshot(Caller caller) { Take({.kind = Kind::kSnapshot}, std::move(caller)); }

void Front::Take(Asked asked, Caller caller) {
  Calls& calls = node_->calls();
  if (absl::Status objection = Objection(asked); !objection.ok()) {
    return calls.Refuse(std::move(objection), std::move(caller));
  }
  const absl::Duration deadline = node_->options().env.clock->Monotonic() + asked.timeout;
  const Calls::Added added = calls.Add(asked.kind, std::move(asked.text), deadline, &caller);
  switch (added.verdict) {
    case Calls::Verdict::kOverloaded:
      return calls.Refuse(Overloaded(node_->options().max_outstanding_bytes), std::move(caller));
    case Calls::Verdict::kClosed:
      return calls.Refuse(node_->Closed(), std::move(caller));
    case Calls::Verdict::kAdded:
      break;
  }
  if (asked.kind == Kind::kWrite || asked.kind == Kind::kIndexRead) {
    if (added.first) node_->protocol().OnCalls();
    return;
  }
  node_->protocol().OnDeadline(deadline);
  if (asked.kind == Kind::kSnapshot) return node_->applier().TakeSnapshot(added.tag);
  node_->applier().Answer({added.tag}, asked.at_least);
}

absl::Status Front::Objection(const Asked& asked) const {
  if (absl::Status closed = node_->Closed(); !closed.ok()) return closed;
  const ReplicaOptions& options = node_->options();
  if (options.state_machine == nullptr) return NoStateMachine();
  if (asked.kind == Kind::kWrite && asked.text.size() > options.max_command_bytes) {
    return TooLarge(asked.text.size(), options.max_command_bytes);
  }
  return absl::OkStatus();
}

// --- blocking forms ----------------------------------------------------------------

absl::StatusOr<Reply> Front::Await(absl::AnyInvocable<void(Caller)> ask, std::string_view name) {
  if (node_->OnZkqThread()) return OnOwnThread(name);
  struct Answer {
    absl::StatusOr<Reply> result;
    std::atomic<bool> there{false};
  };
  const auto answer = std::make_shared<Answer>();
  ask({.done =
           [answer](absl::StatusOr<Reply> result) {
             answer->result = std::move(result);
             answer->there = true;
           },
       .waits = true});
  // The call's own deadline and the replica's end see to it that an answer comes.
  const bool there = node_->options().env.executor->Await([&] { return answer->there.load(); },
                                                          absl::InfiniteDuration());
  if (!there) return EndedByShutdown(Fate::kSent);  // a simulated process that was killed
  return std::move(answer->result);
}

absl::StatusOr<Reply> Front::Propose(std::string command, const CallOptions& call) {
  return Await([&](Caller caller) { Propose(std::move(command), call, std::move(caller)); },
               "Propose");
}

absl::StatusOr<Reply> Front::Read(std::string request, const ReadOptions& read) {
  return Await([&](Caller caller) { Read(std::move(request), read, std::move(caller)); }, "Read");
}

absl::Status Front::WaitForLeader(absl::Duration timeout) {
  if (node_->OnZkqThread()) return OnOwnThread("WaitForLeader");
  const StatusBoard& board = node_->board();
  const auto over = [&] { return board.has_leader() || !node_->Closed().ok(); };
  const bool is_over = node_->options().env.executor->Await(over, timeout);
  if (absl::Status closed = node_->Closed(); !closed.ok()) return closed;
  if (is_over) return absl::OkStatus();
  return MakeError(absl::StatusCode::kDeadlineExceeded, "no leader is established yet");
}

}  // namespace zkq::runtime
