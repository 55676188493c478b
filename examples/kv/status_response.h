// What a server tells of its replica, as the KV's clients see it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "kv.pb.h"
#include "zkq/replica_status.h"

namespace kv {

namespace pb = zkq::kv::v1;

// "OK", or "UNAVAILABLE: why", without what zkq attaches to a call's status.
std::string Words(const absl::Status& status);

// What is infinite or not known is left out.
pb::StatusResponse ToResponse(const zkq::ReplicaStatus& status);

}  // namespace kv
