#include "lib/runtime/node.h"

#include <algorithm>
#include <utility>

#include "lib/runtime/errors.h"

namespace zkq::runtime {

Node::Node(ReplicaOptions given, const Tuning& tuned)
    : options(std::move(given)),
      tuning(tuned),
      board(options.id),
      protocol_strand(options.env.executor),
      log_strand(options.env.blocking_executor),
      apply_strand(options.env.blocking_executor),
      bulk_strand(options.env.blocking_executor),
      snapshot_strand(options.env.blocking_executor),
      callback_strand(options.env.blocking_executor),
      calls(&callback_strand, options.env.executor.get(), options.max_outstanding_bytes),
      protocol(this, &protocol_strand),
      journal(this, &log_strand),
      applier(this, &apply_strand),
      transfers(this, &bulk_strand),
      snapshotter(this, &snapshot_strand),
      events(&callback_strand, [this] { return Status(); }) {}

// --- calls -----------------------------------------------------------------------

void Node::Propose(std::string command, const CallOptions& call, Caller caller) {
  Take({.kind = Kind::kWrite, .text = std::move(command), .timeout = call.timeout},
       std::move(caller));
}

void Node::Read(std::string request, const ReadOptions& read, Caller caller) {
  Asked asked{.kind = Kind::kIndexRead, .text = std::move(request), .timeout = read.timeout};
  if (read.consistency != Consistency::kLinearizable) asked.kind = Kind::kRead;
  if (read.consistency == Consistency::kSequential) asked.at_least = read.at_least;
  if (read.consistency == Consistency::kLocal &&
      options.env.clock->Monotonic() - board.heard() > read.max_staleness) {
    return calls.Refuse(TooStale(board.leader()), std::move(caller));
  }
  Take(std::move(asked), std::move(caller));
}

void Node::TakeSnapshot(Caller caller) { Take({.kind = Kind::kSnapshot}, std::move(caller)); }

void Node::Take(Asked asked, Caller caller) {
  if (absl::Status objection = Objection(asked); !objection.ok()) {
    return calls.Refuse(std::move(objection), std::move(caller));
  }
  const absl::Duration deadline = options.env.clock->Monotonic() + asked.timeout;
  const Calls::Added added = calls.Add(asked.kind, std::move(asked.text), deadline, &caller);
  switch (added.verdict) {
    case Calls::Verdict::kOverloaded:
      return calls.Refuse(Overloaded(options.max_outstanding_bytes), std::move(caller));
    case Calls::Verdict::kClosed:
      return calls.Refuse(Closed(), std::move(caller));
    case Calls::Verdict::kAdded:
      break;
  }
  if (asked.kind == Kind::kWrite || asked.kind == Kind::kIndexRead) {
    if (added.first) protocol.OnCalls();
    return;
  }
  protocol.OnDeadline(deadline);
  if (asked.kind == Kind::kSnapshot) return applier.TakeSnapshot(added.tag);
  applier.Answer({added.tag}, asked.at_least);
}

absl::Status Node::Objection(const Asked& asked) const {
  if (closing_ || halted_) return Closed();
  if (options.state_machine == nullptr) return NoStateMachine();
  if (asked.kind == Kind::kWrite && asked.text.size() > options.max_command_bytes) {
    return TooLarge(asked.text.size(), options.max_command_bytes);
  }
  return absl::OkStatus();
}

absl::Status Node::Closed() const {
  if (closing_) return ShutDown();
  return EndedByHalt(Fate::kNotSent, board.halted().value_or(""));
}

// --- blocking forms ----------------------------------------------------------------

std::array<Strand*, 6> Node::Strands() {
  return {&protocol_strand, &log_strand,      &apply_strand,
          &bulk_strand,     &snapshot_strand, &callback_strand};
}

bool Node::OnZkqThread() {
  if (options.env.executor->InTask() || options.env.blocking_executor->InTask()) return true;
  for (const Strand* strand : Strands()) {
    if (strand->Inside()) return true;
  }
  return false;
}

absl::StatusOr<Reply> Node::Await(absl::AnyInvocable<void(Caller)> ask, std::string_view name) {
  if (OnZkqThread()) return OnOwnThread(name);
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
  const bool there =
      options.env.executor->Await([&] { return answer->there.load(); }, absl::InfiniteDuration());
  if (!there) return EndedByShutdown(Fate::kSent);  // a simulated process that was killed
  return std::move(answer->result);
}

absl::StatusOr<Reply> Node::Propose(std::string command, const CallOptions& call) {
  return Await([&](Caller caller) { Propose(std::move(command), call, std::move(caller)); },
               "Propose");
}

absl::StatusOr<Reply> Node::Read(std::string request, const ReadOptions& read) {
  return Await([&](Caller caller) { Read(std::move(request), read, std::move(caller)); }, "Read");
}

absl::Status Node::WaitForLeader(absl::Duration timeout) {
  if (OnZkqThread()) return OnOwnThread("WaitForLeader");
  const auto over = [this] { return closing_ || halted_ || board.has_leader(); };
  const bool is_over = options.env.executor->Await(over, timeout);
  if (closing_ || halted_) return Closed();
  if (is_over) return absl::OkStatus();
  return MakeError(absl::StatusCode::kDeadlineExceeded, "no leader is established yet");
}

// --- the state -----------------------------------------------------------------------

ReplicaStatus Node::Status() const {
  ReplicaStatus status = board.Get();
  status.outstanding_bytes = calls.outstanding_bytes();
  return status;
}

void Node::Halt(absl::Status why) {
  // What has failed has taken its time first.
  log_strand.InTime([this, why = std::move(why)] { HaltNow(why); });
}

void Node::HaltNow(const absl::Status& why) {
  const std::string text(FromAbsl(why.message()));
  if (!board.SetHealth(why.code(), text)) return;
  halted_ = true;
  Say(LogLevel::kError, "halted: ", text);
  protocol.Stop();
  calls.Close([text](Fate fate) { return EndedByHalt(fate, text); });
  // Not on a strand: each of them may be what is stuck.
  options.env.blocking_executor->Run([weak = weak_from_this()] {
    if (const auto node = weak.lock()) node->CloseTransport();
  });
  events.Raise(Event::Kind::kHealthChanged);
  options.env.executor->Wake();  // WaitForLeader
}

std::vector<Member> Node::WithSpareAddresses(std::vector<Member> members) const {
  const size_t agreed = members.size();
  for (const Member& spare : options.members) {
    const auto end = members.begin() + static_cast<std::ptrdiff_t>(agreed);
    const auto member =
        std::find_if(members.begin(), end, [&](const Member& m) { return m.id == spare.id; });
    if (member != end && member->address != spare.address) members.push_back(spare);
  }
  return members;
}

}  // namespace zkq::runtime
