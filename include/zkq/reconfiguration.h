// Changes of an ensemble's configuration: what can be one, and who may be stopped meanwhile.
//
// Membership is a value: take ReplicaStatus::membership, edit it (With, Without, FindMember in
// zkq/types.h), and hand it to Reconfigure. Everything may be called on any thread.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "zkq/replica.h"
#include "zkq/types.h"

namespace zkq {
inline namespace v1 {

// Replaces the ensemble's configuration by `next`, all at once: whatever is added, removed or
// changed, the leader included. `next.version` is the one of the configuration that it was made
// from. Any replica takes the call, a joining one too; it goes outside the order of the writes.
//
// Who is to become a voter, or takes a seat with another disk (Member::disk), is waited for until
// it has caught up; nothing is proposed before. OK, with the configuration as it is now: it is
// committed, a leader is established under it, and a quorum of it knows so. From then on all that
// it has left out may be stopped, at once. OK also if it was so already: repeating is always safe
// (with kPresentDisk it is kAborted if that was done, and the server is not linked any more).
//   kInvalidArgument     `next` is no configuration (CheckMembership), or has an address
//                        that the transport cannot dial
//   kAborted             the version is another: read the configuration, edit it, and call again
//   kFailedPrecondition  the voters of `next` that are up, and those that are waited for, would be
//                        no quorum; or a disk that is to be replaced is still linked
//   kDeadlineExceeded    not committed if a server or another change was waited for, else unknown
// Of all of these but the first two, GetErrorInfo(status).servers are those that are in the way.
// Others as in zkq/replica.h; a leader that is lost meanwhile fails no call that has time left.
ZKQ_EXPORT void Reconfigure(Replica& replica, Membership next, const CallOptions& options,
                            Replica::Callback<Membership> done);
ZKQ_EXPORT absl::StatusOr<Membership> Reconfigure(Replica& replica, Membership next,
                                                  const CallOptions& options = {
                                                      .timeout = absl::Minutes(1)});

// OK if `membership` is a configuration; else kInvalidArgument names what is wrong, and the member:
// no participant, or more than 64; all weights 0; an id twice, or not from 1 to kServerIdMax; no
// address, or one of two servers, in whatever spelling; a participant without a group beside one
// that has a group. The version and the disks are not looked at.
ZKQ_EXPORT absl::Status CheckMembership(const Membership& membership);

// May these servers be stopped now, all of them? `leader` is the Status() of the server that
// leads. OK: the others that are up and caught up are a quorum without them, as it was when that
// status was taken. One that no configuration lists may then be stopped, too. Pure.
//   kFailedPrecondition  they are not: who of the others is missing, and why
//                        (GetErrorInfo(status).servers, ordered by id; empty: none is, too many
//                        are to be stopped); or the configuration is changing: ask again then
//   kUnavailable         the status is not that of a leader, which alone knows: ask
//                        ReplicaStatus::leader
ZKQ_EXPORT absl::Status CheckStop(const ReplicaStatus& leader,
                                  const std::vector<ServerId>& stopped);

}  // namespace v1
}  // namespace zkq
