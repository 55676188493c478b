#include "lib/core/quorum.h"

#include <algorithm>

#include "lib/base/group_weights.h"

namespace zkq::core {

QuorumSystem::QuorumSystem(const Membership& membership) {
  for (const Member& member : membership.members) {
    if (member.type != MemberType::kParticipant) continue;
    voters_[{member.id, member.disk}] = {member.weight, member.group};
    if (member.weight > 0) weights_[member.group] += member.weight;
  }
}

bool QuorumSystem::MayLead(const MemberId& member) const {
  const auto voter = voters_.find(member);
  return voter != voters_.end() && voter->second.weight > 0;
}

bool QuorumSystem::MayLead(ServerId sid) const {
  const auto voter = voters_.lower_bound(MemberId{sid, {}});
  return voter != voters_.end() && voter->first.id == sid && voter->second.weight > 0;
}

bool QuorumSystem::Contains(const std::set<MemberId>& members) const {
  GroupWeights held;
  for (const MemberId& member : members) {
    const auto voter = voters_.find(member);
    if (voter != voters_.end()) held[voter->second.group] += voter->second.weight;
  }
  return WinsMostGroups(held, weights_);
}

void QuorumSystem::AddVotersTo(std::set<MemberId>* voters) const {
  for (const auto& [member, voter] : voters_) voters->insert(member);
}

Quorum::Quorum(const Configs& configs) {
  configs_.emplace_back(configs.committed);
  if (configs.pending) configs_.emplace_back(*configs.pending);
}

bool Quorum::IsVoter(const MemberId& member) const {
  return std::any_of(configs_.begin(), configs_.end(),
                     [&](const QuorumSystem& config) { return config.IsVoter(member); });
}

bool Quorum::MayLead(const MemberId& member) const {
  return std::any_of(configs_.begin(), configs_.end(),
                     [&](const QuorumSystem& config) { return config.MayLead(member); });
}

bool Quorum::MayLead(ServerId sid) const {
  return std::any_of(configs_.begin(), configs_.end(),
                     [sid](const QuorumSystem& config) { return config.MayLead(sid); });
}

bool Quorum::Contains(const std::set<MemberId>& members) const {
  return !configs_.empty() &&
         std::all_of(configs_.begin(), configs_.end(),
                     [&](const QuorumSystem& config) { return config.Contains(members); });
}

std::set<MemberId> Quorum::Voters() const {
  std::set<MemberId> all;
  for (const QuorumSystem& config : configs_) config.AddVotersTo(&all);
  return all;
}

}  // namespace zkq::core
