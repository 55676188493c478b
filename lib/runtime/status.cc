// What zkq attaches to its statuses: a payload of its own, as text, so that it
// survives whatever copies payloads around.
#include "zkq/status.h"

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/base/absl/string_view.h"

namespace zkq {
namespace {

constexpr char kErrorInfoUrl[] = "type.zkq/zkq.v1.ErrorInfo";

}  // namespace

inline namespace v1 {

// The payload: outcome, leader (0: none), nanoseconds to wait.
absl::Status MakeError(absl::StatusCode code, std::string_view message, const ErrorInfo& info) {
  absl::Status status(code, ToAbsl(message));
  if (status.ok()) return status;
  const int unknown = info.outcome == Outcome::kUnknown ? 1 : 0;
  status.SetPayload(kErrorInfoUrl,
                    absl::Cord(absl::StrCat(unknown, " ", ToInt(info.leader.value_or(kNoServer)),
                                            " ", absl::ToInt64Nanoseconds(info.retry_after))));
  return status;
}

ErrorInfo GetErrorInfo(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kErrorInfoUrl);
  if (!payload) return {};
  const std::vector<std::string> fields = absl::StrSplit(std::string(*payload), ' ');
  int unknown = 0;
  uint64_t leader = 0;
  int64_t nanoseconds = 0;
  if (fields.size() < 3 || !absl::SimpleAtoi(fields[0], &unknown) ||
      !absl::SimpleAtoi(fields[1], &leader) || !absl::SimpleAtoi(fields[2], &nanoseconds)) {
    return {};
  }
  ErrorInfo info;
  info.outcome = unknown != 0 ? Outcome::kUnknown : Outcome::kNotCommitted;
  if (leader != 0) info.leader = ServerId{leader};
  info.retry_after = absl::Nanoseconds(nanoseconds);
  return info;
}

}  // namespace v1
}  // namespace zkq
