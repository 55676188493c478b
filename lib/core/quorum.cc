#include "lib/core/quorum.h"

#include <algorithm>

namespace zkq::core {

Majority::Majority(const Membership& membership) {
  for (const Member& member : membership.members) {
    if (member.type == MemberType::kParticipant) voters_.insert(member.id);
  }
}

bool Majority::Contains(const std::set<ServerId>& servers) const {
  const auto counted =
      std::count_if(servers.begin(), servers.end(), [this](ServerId sid) { return IsVoter(sid); });
  return static_cast<size_t>(counted) > voters_.size() / 2;
}

Quorum::Quorum(const Configs& configs) {
  configs_.emplace_back(configs.committed);
  if (configs.pending) configs_.emplace_back(*configs.pending);
}

bool Quorum::IsVoter(ServerId sid) const {
  return std::any_of(configs_.begin(), configs_.end(),
                     [sid](const Majority& config) { return config.IsVoter(sid); });
}

bool Quorum::Contains(const std::set<ServerId>& servers) const {
  return !configs_.empty() &&
         std::all_of(configs_.begin(), configs_.end(),
                     [&](const Majority& config) { return config.Contains(servers); });
}

std::set<ServerId> Quorum::Voters() const {
  std::set<ServerId> all;
  for (const Majority& config : configs_) {
    all.insert(config.voters().begin(), config.voters().end());
  }
  return all;
}

}  // namespace zkq::core
