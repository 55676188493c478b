// Changes of an ensemble's configuration: what can be one, and who may be stopped meanwhile.
//
// Membership is a value: take ReplicaStatus::membership, edit it (With, Without, FindMember in
// zkq/types.h), and ask of what you have made whether it is a configuration. All here is pure:
// it asks nobody, and may be called on any thread.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "zkq/replica_status.h"
#include "zkq/types.h"

namespace zkq {
inline namespace v1 {

// OK if `membership` is a configuration; else kInvalidArgument names what is wrong, and the member:
// no participant, or more than 64; all weights 0; an id twice, or not from 1 to kServerIdMax; no
// address, or one of two servers, in whatever spelling; a participant without a group beside one
// that has a group. The version and the disks are not looked at.
ZKQ_EXPORT absl::Status CheckMembership(const Membership& membership);

// May these servers be stopped now, all of them? `leader` is the Status() of the server that
// leads. OK: the others that are up and caught up are a quorum without them, as it was when that
// status was taken. One that no configuration lists may always be stopped.
//   kFailedPrecondition  they are not: who of the others is missing, and why
//                        (GetErrorInfo(status).servers, ordered by id; empty: none is, too many
//                        are to be stopped)
//   kUnavailable         the status is not that of a leader, which alone knows: ask
//                        ReplicaStatus::leader
ZKQ_EXPORT absl::Status CheckStop(const ReplicaStatus& leader,
                                  const std::vector<ServerId>& stopped);

}  // namespace v1
}  // namespace zkq
