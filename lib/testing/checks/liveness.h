// What must come once all faults are over (PROTOCOL §12, LIV-1, 2 and 4), said of the
// statuses of the servers that are up. Pure; the runner of the ensemble decides how
// long to wait until none of them is violated any more.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

using Statuses = std::map<ServerId, ReplicaStatus>;

// Who leads an established epoch by its own word; the highest if several say so.
std::optional<ServerId> LeaderOf(const Statuses& statuses);

// LIV-1: somebody leads.
std::optional<Violation> CheckLed(const Statuses& statuses);
// LIV-2: each of `servers` serves under that leader, has applied what it knows committed, and is
// ready, if it is listed or observes.
std::optional<Violation> CheckSynced(const Statuses& statuses, const std::set<ServerId>& servers);
// LIV-4: the leader is who it was, and so is its epoch, and those of `servers` that served under
// it do so still, unless it `renews` epochs, or a change that has waited until now makes another
// one lead.
std::optional<Violation> CheckStable(const Statuses& before, const Statuses& after,
                                     const std::set<ServerId>& servers, bool renews = false);

}  // namespace zkq::testing
