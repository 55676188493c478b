// What a failed call says. A status with which a call to zkq/replica.h fails answers one
// question more than "what happened": "may it have happened?" Which code means what:
// zkq/replica.h. What parts and snapshot jobs are told (FileSystem, SnapshotWriter, ...)
// need not answer it. All functions are thread-safe.
//
// Printed, the answer reads like words, at the end:
//   UNAVAILABLE: the leader was last heard longer ago than max_staleness
//   [zkq='not committed; leader 3; retry after 200ms']
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

// Reads what zkq attached to `status`. If nothing is attached the outcome is kUnknown:
// nobody knows. So it is with a status of the application's own, such as one from Query, and
// with one that has lost what was attached. An OK status has no such answer, for the call
// has happened: it yields ErrorInfo().
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
