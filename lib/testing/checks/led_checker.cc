#include "lib/testing/checks/led_checker.h"

#include <algorithm>

#include "absl/time/time.h"
#include "lib/testing/checks/configurations.h"

namespace zkq::testing {

bool LedChecker::SomebodyCould(const View& view) const {
  for (const auto& [sid, voter] : view.voters) {
    const MemberId candidate{sid, voter.disk};
    if (!Configurations::MayLead(voter.configs, candidate)) continue;
    std::set<MemberId> followers{candidate};
    for (const auto& [other, follower] : view.voters) {
      const bool linked = view.links.contains(std::minmax(sid, other));
      if (linked && follower.history <= voter.history) followers.insert({other, follower.disk});
    }
    if (Configurations::IsQuorum(voter.configs, followers)) return true;
  }
  return false;
}

void LedChecker::NoteChanges(const View& view, absl::Duration now) {
  std::map<ServerId, Conditions> conditions;
  for (const auto& [sid, voter] : view.voters) {
    const Configs& configs = voter.configs;
    conditions[sid] = {voter.life, voter.sync, voter.clock_set, configs.committed.version,
                       configs.pending ? configs.pending->version : Zxid{}};
    const auto known = conditions_.find(sid);
    if (known == conditions_.end() || std::get<0>(known->second) != voter.life) started_ = now;
  }
  if (conditions == conditions_ && view.links == links_ && view.changes == changes_) return;
  changes_ = view.changes;
  conditions_ = std::move(conditions);
  links_ = view.links;
  BeginAnew(view, now);
}

void LedChecker::BeginAnew(const View& view, absl::Duration now) {
  changed_ = now;
  leads_.reset();
  serves_.clear();
  syncing_ = view.syncing;
}

void LedChecker::AwaitDisks(const View& view, absl::Duration now) {
  std::erase_if(syncing_, [&](ServerId sid) { return !view.syncing.contains(sid); });
  if (!syncing_.empty()) changed_ = now;
}

void LedChecker::OnStatus(ServerId sid, const ReplicaStatus& status) {
  if (status.state == PeerState::kLooking) looked_.insert(sid);
}

std::optional<Violation> LedChecker::CheckStays(const View& view,
                                                const std::set<ServerId>& looked) {
  for (const auto& [sid, voter] : view.voters) {
    if (!view.links.contains(std::minmax(sid, *leads_))) continue;
    // A renewal ends the sessions of observers, which attach anew (PROTOCOL §9.5).
    if (!Configurations::IsVoter(voter.configs, {sid, voter.disk})) continue;
    // One that has not come as far as the epoch is sent away by the next renewal, too.
    const auto served = serves_.find(sid);
    const bool in_epoch = served != serves_.end() && served->second == view.epoch;
    if (in_epoch && looked.contains(sid)) {
      return Violation{"LIV-4 stability", "server " + ToString(sid) + " has left server " +
                                              ToString(*leads_) +
                                              ", which leads, and nothing has changed"};
    }
    if (voter.serves == leads_) serves_[sid] = voter.epoch;
  }
  return std::nullopt;
}

std::optional<Violation> LedChecker::OnLook(const View& view, absl::Duration now) {
  NoteChanges(view, now);
  const std::set<ServerId> looked = std::exchange(looked_, {});
  // Something is done to it, so it may go at any time.
  const bool may_go = view.leader && !view.voters.contains(*view.leader);
  if (view.unfit || may_go || (!view.leader && !SomebodyCould(view))) {
    BeginAnew(view, now);
    return std::nullopt;
  }
  AwaitDisks(view, now);
  // Two disks whose log goes on in another file then: that write makes four syncs.
  constexpr int kMoreSyncs = 2 * 3;
  const absl::Duration slow = 8 * (view.round_trip + view.sync) + kMoreSyncs * view.sync;
  if (now < std::max(changed_ + 50 * view.tick, started_ + 100 * view.tick) + slow) {
    return std::nullopt;
  }
  if (!view.leader) {
    return Violation{"LIV-1 progress",
                     "a quorum could follow one of its own, and nobody leads for " +
                         absl::FormatDuration(now - changed_)};
  }
  if (!leads_) leads_ = view.leader;
  if (leads_ == view.leader) return CheckStays(view, looked);
  return Violation{"LIV-4 stability", "led by " + ToString(*leads_) + ", then by " +
                                          ToString(*view.leader) + ", and nothing has changed"};
}

}  // namespace zkq::testing
