// What a failed call says. Every non-OK absl::Status that zkq makes answers one
// question more than "what happened": "may it have happened?" Which code means what:
// zkq/replica.h. All functions are thread-safe.
//
// Printed, the answer reads like words, at the end:
//   UNAVAILABLE: the leader was last heard long ago [zkq='not committed; leader 3; retry after
//   200ms']
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "zkq/types.h"

namespace zkq {
inline namespace v1 {

enum class Outcome {
  kNotCommitted,  // it did not happen and never will: repeating it is safe
  kUnknown,       // it may have happened, or may yet
};

struct ErrorInfo {
  Outcome outcome = Outcome::kNotCommitted;
  std::optional<ServerId> leader = {};  // a hint, when one is known
  // How long to wait before a call like it can be expected to succeed; 0: no advice.
  absl::Duration retry_after = absl::ZeroDuration();
  std::vector<ServerId> servers = {};  // that stand in the way
};

// Reads what zkq attached to `status`. A status that zkq did not make, such as one from
// the application's Query, and one that has lost what was attached say kUnknown: nobody
// knows. An OK status has no such answer, for the call has happened: it yields ErrorInfo().
ZKQ_EXPORT ErrorInfo GetErrorInfo(const absl::Status& status);

// `status` with "context: " before its message. Keeps the code and all that is attached.
// An OK status stays as it is.
ZKQ_EXPORT absl::Status Annotate(const absl::Status& status, std::string_view context);

// Makes a status that carries `info`. For those who implement parts of zkq, and for tests.
// With code kOk it is an OK status and carries nothing.
ZKQ_EXPORT absl::Status MakeError(absl::StatusCode code, std::string_view message,
                                  const ErrorInfo& info = {});

}  // namespace v1
}  // namespace zkq
