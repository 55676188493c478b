// The list of members that a transport is given (QuorumTransport::SetMembers).
#pragma once

#include <cstdint>
#include <vector>

#include "zkq/election.h"
#include "zkq/types.h"

namespace zkq::runtime {

// The members of the configurations that count, the newest one's last; after them the addresses of
// `configured` that are others than those.
//
// `lost`: for how many times as long as that may take `self` has had no leader. Then those of
// `configured` are there, too, who are not among them. And where the pending configuration has
// another disk for a seat than the committed one, one of the two has the id, in turn, the committed
// one first: of two machines one may lead, and who is linked with the other does not know whether
// its pending configuration is doomed.
//
// What is only told (null: nothing) must take nothing from what counts: a seat that has a disk
// there gets no other one by it, and its addresses come last, for the first is tried first.
std::vector<Member> MembersToLink(ServerId self, const Configs& configs, const Membership* told,
                                  const std::vector<Member>& configured, int64_t lost);

}  // namespace zkq::runtime
