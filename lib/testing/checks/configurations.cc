#include "lib/testing/checks/configurations.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "lib/wire/disk.h"

namespace zkq::testing {
namespace {

const Member* VoterOf(const Membership& membership, ServerId sid) {
  const Member* const member = FindMember(membership, sid);
  return member != nullptr && member->type == MemberType::kParticipant ? member : nullptr;
}

// More than half of the groups that have any weight, and of each more than half of its weight.
bool Decide(const Membership& membership, const std::set<MemberId>& members) {
  std::map<uint32_t, std::pair<uint64_t, uint64_t>> groups;  // what is held, and all there is
  for (const Member& member : membership.members) {
    if (member.type != MemberType::kParticipant || member.weight == 0) continue;
    auto& [held, all] = groups[member.group];
    all += member.weight;
    if (members.contains({member.id, member.disk})) held += member.weight;
  }
  const auto won = std::count_if(groups.begin(), groups.end(), [](const auto& group) {
    return 2 * group.second.first > group.second.second;
  });
  return 2 * static_cast<size_t>(won) > groups.size();
}

bool HasWeight(const Membership& membership, const MemberId& member) {
  const Member* const voter = VoterOf(membership, member.id);
  return voter != nullptr && voter->disk == member.disk && voter->weight > 0;
}

}  // namespace

void Configurations::Found(const Membership& first) {
  all_.clear();
  all_[first.version] = first;
}

void Configurations::Add(const Txn& entry) {
  std::optional<Membership> membership = DecodeMembership(entry.command.view());
  if (!membership) return;
  membership->version = entry.zxid;
  all_[entry.zxid] = *std::move(membership);
}

const Membership* Configurations::Find(Zxid version) const {
  const auto found = all_.find(version);
  return found == all_.end() ? nullptr : &found->second;
}

Zxid Configurations::In(Zxid last, const Histories& histories) const {
  for (auto one = all_.rbegin(); one != all_.rend(); ++one) {
    if (one->first.counter == 0 || histories.Contains(one->first, last)) return one->first;
  }
  return {};
}

bool Configurations::IsQuorum(Zxid version, const std::set<MemberId>& members) const {
  const auto found = all_.find(version);
  return found != all_.end() && Decide(found->second, members);
}

bool Configurations::IsVoter(Zxid version, const MemberId& member) const {
  const auto found = all_.find(version);
  return found != all_.end() && IsVoter(found->second, member);
}

bool Configurations::IsVoter(const Membership& membership, const MemberId& member) {
  const Member* const voter = VoterOf(membership, member.id);
  return voter != nullptr && voter->disk == member.disk;
}

bool Configurations::MayLead(Zxid version, const MemberId& member) const {
  const auto found = all_.find(version);
  return found != all_.end() && HasWeight(found->second, member);
}

bool Configurations::IsQuorum(const Configs& configs, const std::set<MemberId>& members) {
  return Decide(configs.committed, members) &&
         (!configs.pending || Decide(*configs.pending, members));
}

bool Configurations::IsVoter(const Configs& configs, const MemberId& member) {
  return IsVoter(configs.committed, member) ||
         (configs.pending && IsVoter(*configs.pending, member));
}

bool Configurations::MayLead(const Configs& configs, const MemberId& member) {
  return HasWeight(configs.committed, member) ||
         (configs.pending && HasWeight(*configs.pending, member));
}

bool Configurations::EverVoter(const MemberId& member) const {
  return SeatsOf(member.id).contains(member);
}

std::set<MemberId> Configurations::SeatsOf(ServerId sid) const {
  std::set<MemberId> seats;
  for (const auto& [version, membership] : all_) {
    const Member* const voter = VoterOf(membership, sid);
    if (voter != nullptr) seats.insert({sid, voter->disk});
  }
  return seats;
}

}  // namespace zkq::testing
