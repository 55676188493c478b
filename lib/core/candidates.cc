#include "lib/core/candidates.h"

#include <algorithm>

namespace zkq::core {

void Candidates::Use(const Configs& configs) {
  quorum_ = Quorum(configs);
  committed_ = configs.committed.version;
  std::erase_if(told_, [this](const auto& told) {
    return !quorum_.IsVoter(told.first) || told.second.membership.version <= committed_;
  });
}

bool Candidates::Note(const MemberId& from, const Notification& n) {
  const auto known = told_.find(from);
  const bool counts =
      quorum_.IsVoter(from) && n.pending.has_value() && n.pending->version > committed_;
  if (!counts) {
    if (known != told_.end()) told_.erase(known);
    return false;
  }
  if (known != told_.end() && known->second.membership.version == n.pending->version) return false;
  told_.insert_or_assign(from, Told{*n.pending, QuorumSystem(*n.pending)});
  return true;
}

bool Candidates::MayLead(ServerId sid) const {
  return quorum_.MayLead(sid) || std::any_of(told_.begin(), told_.end(), [sid](const auto& told) {
           return told.second.voters.MayLead(sid);
         });
}

bool Candidates::IsTold(const MemberId& member) const {
  return std::any_of(told_.begin(), told_.end(),
                     [&](const auto& told) { return told.second.voters.IsVoter(member); });
}

const Membership* Candidates::ToldOf(ServerId sid, const std::set<MemberId>& linked) const {
  const auto other = std::find_if(linked.begin(), linked.end(), [&](const MemberId& member) {
    return member.id == sid && !quorum_.IsVoter(member) && IsTold(member);
  });
  if (quorum_.MayLead(sid) && other == linked.end()) return nullptr;
  const Membership* newest = nullptr;
  for (const auto& [from, told] : told_) {
    const bool newer = newest == nullptr || told.membership.version > newest->version;
    const bool lists = other == linked.end() || told.voters.IsVoter(*other);
    if (newer && lists && told.voters.MayLead(sid)) newest = &told.membership;
  }
  return newest;
}

bool Candidates::IsVoter(const MemberId& member) const {
  return quorum_.IsVoter(member) || IsTold(member);
}

std::set<ServerId> Candidates::Servers() const {
  std::set<MemberId> voters = quorum_.Voters();
  for (const auto& [from, told] : told_) told.voters.AddVotersTo(&voters);
  std::set<ServerId> servers;
  for (const MemberId& voter : voters) servers.insert(voter.id);
  return servers;
}

}  // namespace zkq::core
