// What zkq attaches to its statuses: a payload that people can read where it is printed,
// and GetErrorInfo where it arrives.
//
//   not committed                       the outcome, or "unknown"; first
//   ; leader 3                          then what there is to say, in this order
//   ; retry after 200ms
//   ; servers 4, 5
#include "zkq/status.h"

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/base/absl/string_view.h"

namespace zkq {
namespace {

constexpr char kUrl[] = "zkq";
constexpr char kNotCommittedText[] = "not committed";
constexpr char kUnknownText[] = "unknown";

std::string ToText(const ErrorInfo& info) {
  std::string text = info.outcome == Outcome::kUnknown ? kUnknownText : kNotCommittedText;
  if (info.leader) absl::StrAppend(&text, "; leader ", ToInt(*info.leader));
  if (info.retry_after != absl::ZeroDuration()) {
    absl::StrAppend(&text, "; retry after ", absl::FormatDuration(info.retry_after));
  }
  if (info.servers.empty()) return text;
  const auto id = [](std::string* out, ServerId sid) { absl::StrAppend(out, ToInt(sid)); };
  return absl::StrCat(text, "; servers ", absl::StrJoin(info.servers, ", ", id));
}

bool ReadSid(absl::string_view text, ServerId* sid) {
  uint64_t id = 0;
  if (!absl::SimpleAtoi(text, &id)) return false;
  *sid = ServerId{id};
  return true;
}

// One part of the text; what a later version may add is passed over.
bool ReadPart(absl::string_view part, ErrorInfo* info) {
  if (absl::ConsumePrefix(&part, "leader ")) return ReadSid(part, &info->leader.emplace());
  if (absl::ConsumePrefix(&part, "retry after ")) {
    return absl::ParseDuration(part, &info->retry_after);
  }
  if (!absl::ConsumePrefix(&part, "servers ")) return true;
  for (const absl::string_view sid : absl::StrSplit(part, ", ")) {
    if (!ReadSid(sid, &info->servers.emplace_back())) return false;
  }
  return true;
}

}  // namespace

inline namespace v1 {

absl::Status MakeError(absl::StatusCode code, std::string_view message, const ErrorInfo& info) {
  absl::Status status(code, ToAbsl(message));
  if (!status.ok()) status.SetPayload(kUrl, absl::Cord(ToText(info)));
  return status;
}

ErrorInfo GetErrorInfo(const absl::Status& status) {
  if (status.ok()) return {};
  const absl::optional<absl::Cord> payload = status.GetPayload(kUrl);
  const std::string text(payload.value_or(absl::Cord()));
  const std::vector<absl::string_view> parts = absl::StrSplit(text, "; ");
  ErrorInfo info;
  if (parts[0] != kNotCommittedText) info.outcome = Outcome::kUnknown;
  for (size_t i = 1; i < parts.size(); ++i) {
    if (!ReadPart(parts[i], &info)) return {.outcome = Outcome::kUnknown};
  }
  return info;
}

absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(ToAbsl(context), ": ", status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

}  // namespace v1
}  // namespace zkq
