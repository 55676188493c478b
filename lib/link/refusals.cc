#include "lib/link/refusals.h"

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "lib/base/absl/string_view.h"

namespace zkq::link {
namespace {

absl::StatusCode StatusCodeOf(RefusalCode code) {
  switch (code) {
    case RefusalCode::kMalformed:
    case RefusalCode::kOwnId:
    case RefusalCode::kItself:
    case RefusalCode::kWrongWay:
      return absl::StatusCode::kInvalidArgument;
    case RefusalCode::kVersion:
    case RefusalCode::kForeignEnsemble:
    case RefusalCode::kMeantAnother:
    case RefusalCode::kElection:
      return absl::StatusCode::kFailedPrecondition;
    case RefusalCode::kNotAMember:
      return absl::StatusCode::kPermissionDenied;
    case RefusalCode::kDialBack:
    case RefusalCode::kDialMe:
    case RefusalCode::kSameDisk:
      return absl::StatusCode::kAborted;
    case RefusalCode::kOlder:
    case RefusalCode::kSecondDisk:
      return absl::StatusCode::kAlreadyExists;
    case RefusalCode::kTooMany:
    case RefusalCode::kTooManyUnlisted:
    case RefusalCode::kTooManyQuestions:
      return absl::StatusCode::kResourceExhausted;
    case RefusalCode::kTooSlow:
      return absl::StatusCode::kDeadlineExceeded;
    case RefusalCode::kShutDown:
      return absl::StatusCode::kUnavailable;
  }
  return absl::StatusCode::kUnknown;
}

}  // namespace

std::string_view ToString(RefusalCode code) {
  switch (code) {
    case RefusalCode::kMalformed:
      return "no handshake, or none that can be read";
    case RefusalCode::kOwnId:
      return "two servers with one id";
    case RefusalCode::kVersion:
      return "no protocol version in common";
    case RefusalCode::kForeignEnsemble:
      return "another ensemble";
    case RefusalCode::kMeantAnother:
      return "another server is meant";
    case RefusalCode::kNotAMember:
      return "not a member";
    case RefusalCode::kDialBack:
      return "it dials itself, and does so now";
    case RefusalCode::kWrongWay:
      return "the larger id dials, it does not knock";
    case RefusalCode::kOlder:
      return "not newer than the live link";
    case RefusalCode::kSecondDisk:
      return "a second server with the id of a live one";
    case RefusalCode::kTooMany:
      return "too many streams without a handshake";
    case RefusalCode::kTooSlow:
      return "the handshake takes too long";
    case RefusalCode::kShutDown:
      return "shut down";
    case RefusalCode::kElection:
      return "another election strategy";
    case RefusalCode::kDialMe:
      return "it is not dialled, and may dial itself";
    case RefusalCode::kItself:
      return "the address leads to this server itself";
    case RefusalCode::kTooManyUnlisted:
      return "too many servers that are not listed are linked already";
    case RefusalCode::kTooManyQuestions:
      return "too many questions are under way";
    case RefusalCode::kSameDisk:
      return "the disk that is linked already, and another one is meant";
  }
  return "unknown";
}

absl::Status ToStatus(const Refused& refused) {
  const std::string text =
      "server " + ToString(refused.sid) + ": " + std::string(ToString(refused.code));
  absl::Status status(StatusCodeOf(refused.code), ToAbsl(text));
  status.SetPayload(kRefusedPayload, absl::Cord(Encode(refused)));
  return status;
}

std::optional<Refused> RefusedIn(const absl::Status& status) {
  const auto payload = status.GetPayload(kRefusedPayload);
  return payload ? DecodeRefused(std::string(*payload)) : std::nullopt;
}

absl::Status Explained(const absl::Status& why, ServerId self) {
  if (const std::optional<Refused> refused = RefusedIn(why)) {
    const std::string where = refused->sid == self ? "here" : "by server " + ToString(refused->sid);
    const std::string text = "refused " + where + ": " + std::string(ToString(refused->code));
    return absl::Status(why.code(), ToAbsl(text));
  }
  if (why.message().empty()) return absl::Status(why.code(), "no reason is given");
  return absl::Status(why.code(), absl::CHexEscape(why.message().substr(0, kShownMax)));
}

bool IsOfAnother(const Refused& refused, ServerId self) {
  switch (refused.code) {
    case RefusalCode::kOwnId:
    case RefusalCode::kItself:
    case RefusalCode::kForeignEnsemble:
    case RefusalCode::kMeantAnother:
    case RefusalCode::kSameDisk:
      return true;
    case RefusalCode::kSecondDisk:  // else it is this server that is the second one
      return refused.sid == self;
    default:
      return false;
  }
}

bool IsLasting(const absl::Status& refusal) {
  return refusal.code() == absl::StatusCode::kFailedPrecondition ||
         refusal.code() == absl::StatusCode::kInvalidArgument ||
         refusal.code() == absl::StatusCode::kPermissionDenied ||
         refusal.code() == absl::StatusCode::kAlreadyExists;
}

}  // namespace zkq::link
