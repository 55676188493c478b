// How a replica stands, as it travels to those who ask from outside, and back. What comes
// back says the same; a duration is whole microseconds. Pure.
#pragma once

#include "absl/status/status.h"
#include "lib/wire/status.h"
#include "zkq/replica_status.h"

namespace zkq::runtime {

// Keeps what zkq has attached to it.
ErrorReport ReportOf(const absl::Status& status);
absl::Status StatusOf(const ErrorReport& report);

StatusReport ReportOf(const ReplicaStatus& status);
ReplicaStatus StatusOf(const StatusReport& report);

}  // namespace zkq::runtime
