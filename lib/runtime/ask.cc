// The asking end of lib/runtime/admin.h.
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "lib/base/absl/string_view.h"
#include "lib/base/member_lists.h"
#include "lib/runtime/admin.h"
#include "lib/runtime/reports.h"
#include "zkq/admin.h"
#include "zkq/status.h"

namespace zkq {
namespace {

using Code = absl::StatusCode;

// For an answer to come back, after the call has ended there.
constexpr absl::Duration kWayBack = absl::Seconds(5);
// More than anybody waits, and a number of microseconds.
constexpr absl::Duration kLongest = absl::Hours(24 * 365);

// What is known of a change whose question has come back with an error: the server has answered
// so, or the question has surely not been heard.
Outcome OutcomeOf(const absl::Status& error) {
  switch (error.code()) {
    case Code::kPermissionDenied:
    case Code::kResourceExhausted:
    case Code::kUnimplemented:
    case Code::kInvalidArgument:
    case Code::kFailedPrecondition:
      return Outcome::kNotCommitted;
    default:
      return Outcome::kUnknown;
  }
}

absl::Status Told(const absl::Status& error, Outcome outcome) {
  return MakeError(error.code(), FromAbsl(error.message()), {.outcome = outcome});
}

absl::Status Unreadable(Outcome outcome) {
  return MakeError(Code::kInternal, "the answer cannot be read: do the versions fit?",
                   {.outcome = outcome});
}

absl::StatusOr<Membership> ReadChange(absl::StatusOr<std::string> answer) {
  if (!answer.ok()) return Told(answer.status(), OutcomeOf(answer.status()));
  std::optional<ChangeReport> report = DecodeChangeReport(*answer);
  if (!report) return Unreadable(Outcome::kUnknown);
  if (report->error.code != 0) return runtime::StatusOf(report->error);
  return std::move(report->membership);
}

absl::StatusOr<ReplicaStatus> ReadStatus(absl::StatusOr<std::string> answer) {
  if (!answer.ok()) return Told(answer.status(), Outcome::kNotCommitted);
  const std::optional<StatusReport> report = DecodeStatusReport(*answer);
  if (!report) return Unreadable(Outcome::kNotCommitted);
  return runtime::StatusOf(*report);
}

}  // namespace

inline namespace v1 {

void AskStatus(QuorumTransport& transport, ServerId to, absl::Duration timeout,
               absl::AnyInvocable<void(absl::StatusOr<ReplicaStatus>) &&> done) {
  transport.Ask(to, {.kind = std::string(runtime::kAskStatus)}, timeout,
                [done = std::move(done)](absl::StatusOr<std::string> answer) mutable {
                  std::move(done)(ReadStatus(std::move(answer)));
                });
}

void AskReconfigure(QuorumTransport& transport, ServerId to, Membership next,
                    absl::Duration timeout,
                    absl::AnyInvocable<void(absl::StatusOr<Membership>) &&> done) {
  std::sort(next.members.begin(), next.members.end());
  if (const std::string wrong = WhatIsWrongBesideAddresses(next.members); !wrong.empty()) {
    return std::move(done)(MakeError(Code::kInvalidArgument, wrong));
  }
  timeout = std::clamp(timeout, absl::ZeroDuration(), kLongest);
  const ChangeRequest change{.next = std::move(next),
                             .time_left = absl::ToChronoMicroseconds(timeout)};
  Question question{.kind = std::string(runtime::kAskReconfigure),
                    .bytes = EncodeChangeRequest(change)};
  transport.Ask(to, std::move(question), timeout + kWayBack,
                [done = std::move(done)](absl::StatusOr<std::string> answer) mutable {
                  std::move(done)(ReadChange(std::move(answer)));
                });
}

}  // namespace v1
}  // namespace zkq
