// What a server tells of its replica, as the KV's clients see it.
#pragma once

#include "kv.pb.h"
#include "zkq/replica_status.h"

namespace kv {

namespace pb = zkq::kv::v1;

// What is infinite or not known is left out.
pb::StatusResponse ToResponse(const zkq::ReplicaStatus& status);

}  // namespace kv
