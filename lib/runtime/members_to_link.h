// The list of members that a transport is given (QuorumTransport::SetMembers).
#pragma once

#include <vector>

#include "zkq/election.h"
#include "zkq/types.h"

namespace zkq::runtime {

// The members of the configurations that count, the newest one's last; after them the addresses of
// `configured` that are others than those; and, if `all`, who of it is not among them.
//
// What is only told (null: nothing) must take nothing from what counts: a seat that has a disk
// there gets no other one by it, and its addresses come last, for the first is tried first.
std::vector<Member> MembersToLink(const Configs& configs, const Membership* told,
                                  const std::vector<Member>& configured, bool all);

}  // namespace zkq::runtime
