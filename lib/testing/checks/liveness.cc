#include "lib/testing/checks/liveness.h"

#include <algorithm>
#include <string>

namespace zkq::testing {
namespace {

Zxid NewestConfiguration(const Statuses& statuses) {
  Zxid newest;
  for (const auto& [sid, status] : statuses) newest = std::max(newest, status.membership.version);
  return newest;
}

bool ServesUnder(ServerId leader, const ReplicaStatus& status) {
  return status.phase == ZabPhase::kBroadcast && status.leader == SeatOf(leader);
}

// Who is to be listed yet, or is not any more, never is ready.
bool MayServe(const ReplicaStatus& status) {
  return status.ready.ok() || status.standing == Standing::kJoining ||
         status.standing == Standing::kRemoved;
}

std::optional<Violation> CheckStay(const Statuses& before, const Statuses& after,
                                   const std::set<ServerId>& servers, ServerId leader) {
  // A renewal begins by sending observers away.
  if (!ServesUnder(leader, before.at(leader)) || !ServesUnder(leader, after.at(leader))) {
    return std::nullopt;
  }
  for (const auto& [sid, was] : before) {
    if (!servers.contains(sid)) continue;
    const auto is = after.find(sid);
    if (!ServesUnder(leader, was) || (is != after.end() && ServesUnder(leader, is->second))) {
      continue;
    }
    return Violation{"LIV-4 stability", "server " + ToString(sid) + " has left " +
                                            ToString(leader) + ", without a fault"};
  }
  return std::nullopt;
}

}  // namespace

std::optional<ServerId> LeaderOf(const Statuses& statuses) {
  std::optional<ServerId> leader;
  Epoch epoch = 0;
  for (const auto& [sid, status] : statuses) {
    if (status.state != PeerState::kLeading || status.leader != SeatOf(sid) ||
        status.epoch < epoch) {
      continue;
    }
    leader = sid;
    epoch = status.epoch;
  }
  return leader;
}

std::optional<Violation> CheckLed(const Statuses& statuses) {
  if (LeaderOf(statuses)) return std::nullopt;
  return Violation{"LIV-1 progress", "nobody leads"};
}

std::optional<Violation> CheckSynced(const Statuses& statuses, const std::set<ServerId>& servers) {
  const std::optional<ServerId> leader = LeaderOf(statuses);
  if (!leader) return CheckLed(statuses);
  const Zxid committed = statuses.at(*leader).last_committed;
  for (const ServerId sid : servers) {
    const auto found = statuses.find(sid);
    if (found == statuses.end()) {
      return Violation{"LIV-2 re-admission", "server " + ToString(sid) + " is down"};
    }
    const ReplicaStatus& status = found->second;
    if (ServesUnder(*leader, status) && status.last_applied >= committed && MayServe(status)) {
      continue;
    }
    return Violation{
        "LIV-2 re-admission",
        "server " + ToString(sid) + " has applied " + ToString(status.last_applied) + " of " +
            ToString(committed) + ", and is " + std::string(ToString(status.state)) + " in " +
            std::string(ToString(status.phase)) + ", ready: " + status.ready.ToString()};
  }
  return std::nullopt;
}

std::optional<Violation> CheckStable(const Statuses& before, const Statuses& after,
                                     const std::set<ServerId>& servers, bool renews) {
  const std::optional<ServerId> was = LeaderOf(before), is = LeaderOf(after);
  const bool led = was && was == is;
  if (!was && !is) return std::nullopt;
  if (NewestConfiguration(after) > NewestConfiguration(before)) return std::nullopt;
  if (led && before.at(*is).epoch == after.at(*is).epoch)
    return CheckStay(before, after, servers, *is);
  if (led && renews) return std::nullopt;
  return Violation{"LIV-4 stability", "led by " + (was ? ToString(*was) : "nobody") + ", then by " +
                                          (is ? ToString(*is) : "nobody") + ", without a fault"};
}

}  // namespace zkq::testing
