#include "lib/runtime/errors.h"

#include "absl/strings/str_cat.h"
#include "lib/base/absl/string_view.h"

namespace zkq::runtime {
namespace {

using Code = absl::StatusCode;

// Elections take some hundred milliseconds; a full queue drains much faster.
constexpr absl::Duration kElection = absl::Milliseconds(200);
constexpr absl::Duration kCongestion = absl::Milliseconds(20);

ErrorInfo InfoOf(Fate fate) {
  return {.outcome = fate == Fate::kSent ? Outcome::kUnknown : Outcome::kNotCommitted};
}

// `what` happened, and what it means for the call.
std::string With(std::string_view what, Fate fate) {
  switch (fate) {
    case Fate::kNothing:
      break;
    case Fate::kNotSent:
      return std::string(what) + " before the call was sent";
    case Fate::kAbsent:
      return std::string(what) + " before the call was proposed again; it is in no history";
    case Fate::kSent:
      return std::string(what) + "; the call may yet be committed";
  }
  return std::string(what);
}

}  // namespace

absl::Status TimedOut(Fate fate, std::optional<ServerId> leader) {
  const Code code = fate == Fate::kAbsent ? Code::kAborted : Code::kDeadlineExceeded;
  ErrorInfo info = InfoOf(fate);
  info.leader = leader;
  return MakeError(code, With("timed out", fate), info);
}

absl::Status EndedByShutdown(Fate fate) {
  const Code code = fate == Fate::kAbsent ? Code::kAborted : Code::kCancelled;
  return MakeError(code, With("replica shut down", fate), InfoOf(fate));
}

absl::Status EndedByHalt(Fate fate, absl::StatusCode code, std::string_view why) {
  return MakeError(code, FromAbsl(absl::StrCat("replica has halted: ", ToAbsl(why))), InfoOf(fate));
}

absl::StatusCode HaltCode(const absl::Status& why) {
  const bool tells = why.code() == Code::kDataLoss || why.code() == Code::kResourceExhausted;
  return tells ? why.code() : Code::kInternal;
}

absl::Status Rejected(RejectReason reason, std::optional<ServerId> leader) {
  ErrorInfo info{.leader = leader};
  switch (reason) {
    case RejectReason::kNoLeader:
      info.leader = std::nullopt;  // what was known is over: it may be this server itself
      info.retry_after = kElection;
      return MakeError(Code::kUnavailable, "no leader is established", info);
    case RejectReason::kOverload:
      info.retry_after = kCongestion;
      return MakeError(Code::kResourceExhausted, "the leader has too much outstanding", info);
    case RejectReason::kTooLarge:
      return MakeError(Code::kInvalidArgument, "larger than the leader's max_command_bytes", info);
    case RejectReason::kAbandoned:
      return MakeError(Code::kAborted, "refused, by a leader that is lost", info);
    default:
      break;
  }
  info.outcome = Outcome::kUnknown;
  return MakeError(Code::kUnknown, "a snapshot replaced the history that would tell", info);
}

absl::Status RejectedChange(RejectReason reason, std::string_view text,
                            const std::vector<uint64_t>& servers, std::optional<ServerId> leader) {
  ErrorInfo info{.leader = leader};
  for (uint64_t sid : servers) info.servers.push_back(ServerId{sid});
  const auto error = [&](Code code) {
    return MakeError(code, FromAbsl(absl::StrCat("reconfigure: ", ToAbsl(text))), info);
  };
  switch (reason) {
    case RejectReason::kNoMembership:
      return error(Code::kInvalidArgument);
    case RejectReason::kOtherVersion:
      return error(Code::kAborted);
    case RejectReason::kNoQuorum:
    case RejectReason::kStillLinked:
      return error(Code::kFailedPrecondition);
    case RejectReason::kNotCaughtUp:
      return error(Code::kDeadlineExceeded);
    default:
      return Rejected(reason, leader);
  }
}

absl::Status Overloaded(size_t outstanding_bytes_max) {
  return MakeError(Code::kResourceExhausted,
                   FromAbsl(absl::StrCat("over max_outstanding_bytes, ", outstanding_bytes_max)),
                   {.retry_after = kCongestion});
}

absl::Status ShuttingDown() { return MakeError(Code::kUnavailable, "replica shuts down"); }

absl::Status ShutDown() { return MakeError(Code::kFailedPrecondition, "replica is shut down"); }

absl::Status OnOwnThread(std::string_view call) {
  return MakeError(Code::kFailedPrecondition,
                   FromAbsl(absl::StrCat(ToAbsl(call),
                                         " would wait for its own thread: called "
                                         "inside a callback or a StateMachine call")));
}

absl::Status NoStateMachine() {
  return MakeError(Code::kFailedPrecondition, "this replica has no state machine: it only elects");
}

absl::Status TooLarge(size_t bytes, size_t bytes_max) {
  return MakeError(Code::kInvalidArgument,
                   FromAbsl(absl::StrCat("command of ", bytes, " bytes is over max_command_bytes, ",
                                         bytes_max)));
}

absl::Status TooStale(std::optional<ServerId> leader) {
  return MakeError(Code::kUnavailable, "this replica is staler than max_staleness",
                   {.leader = leader, .retry_after = kElection});
}

}  // namespace zkq::runtime
