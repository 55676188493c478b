// What a failed call says. Every non-OK absl::Status that zkq makes answers one
// question more than "what happened": "may it have happened?"
#pragma once

#include <optional>
#include <string_view>

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
  absl::Duration retry_after = absl::ZeroDuration();
};

// Reads what zkq attached to `status`. A status that zkq did not make, such as
// one from the application's Query, yields the defaults.
ZKQ_EXPORT ErrorInfo GetErrorInfo(const absl::Status& status);

// Makes a status that carries `info`. For those who implement zkq's seams.
ZKQ_EXPORT absl::Status MakeError(absl::StatusCode code, std::string_view message,
                                  const ErrorInfo& info = {});

}  // namespace v1
}  // namespace zkq
