#include "zkq/types.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <set>

#include "lib/base/group_weights.h"

namespace zkq {
inline namespace v1 {

std::string ToString(Zxid zxid) {
  return std::to_string(zxid.epoch) + ":" + std::to_string(zxid.counter);
}

std::string ToString(ServerId sid) { return std::to_string(ToInt(sid)); }

std::string ToString(const Id128& id) {
  char digits[33];
  std::snprintf(digits, sizeof(digits), "%016" PRIx64 "%016" PRIx64, id.high, id.low);
  return digits;
}

std::string ToString(const LinkId& link) {
  return ToString(link.sid) + "/" + std::to_string(link.boot) + "/" + std::to_string(link.seq);
}

std::string ToString(const Member& member) {
  const Member plain;
  std::string text = ToString(member.id) + "=" + member.address;
  if (member.type == MemberType::kObserver) text += ":observer";
  if (member.weight != plain.weight) text += ":weight=" + std::to_string(member.weight);
  if (member.group != plain.group) text += ":group=" + std::to_string(member.group);
  if (member.priority != plain.priority) {
    text += ":priority=" + std::to_string(member.priority);
  }
  return text;
}

std::string ToString(const Membership& membership) {
  std::string members;
  for (const Member& member : membership.members) {
    members += (members.empty() ? "" : ", ") + ToString(member);
  }
  return ToString(membership.version) + " {" + members + "}";
}

const Member* FindMember(const Membership& membership, ServerId sid) {
  const auto found = std::find_if(membership.members.begin(), membership.members.end(),
                                  [sid](const Member& member) { return member.id == sid; });
  return found == membership.members.end() ? nullptr : &*found;
}

Member* FindMember(Membership* membership, ServerId sid) {
  return const_cast<Member*>(FindMember(*membership, sid));
}

Membership With(Membership membership, Member member) {
  if (Member* listed = FindMember(&membership, member.id)) {
    *listed = std::move(member);
    return membership;
  }
  const auto next = std::find_if(membership.members.begin(), membership.members.end(),
                                 [&member](const Member& listed) { return listed.id > member.id; });
  membership.members.insert(next, std::move(member));
  return membership;
}

Membership Without(Membership membership, ServerId sid) {
  std::erase_if(membership.members, [sid](const Member& member) { return member.id == sid; });
  return membership;
}

bool IsQuorum(const Membership& membership, const std::vector<ServerId>& servers) {
  const std::set<ServerId> counted(servers.begin(), servers.end());
  GroupWeights held, all;
  for (const Member& member : membership.members) {
    if (member.type != MemberType::kParticipant) continue;
    all[member.group] += member.weight;
    if (counted.contains(member.id)) held[member.group] += member.weight;
  }
  return WinsMostGroups(held, all);
}

std::string_view ToString(PeerState state) {
  switch (state) {
    case PeerState::kLooking:
      return "looking";
    case PeerState::kFollowing:
      return "following";
    case PeerState::kLeading:
      return "leading";
    case PeerState::kObserving:
      return "observing";
  }
  return "unknown";
}

std::string_view ToString(Standing standing) {
  switch (standing) {
    case Standing::kUnfounded:
      return "unfounded";
    case Standing::kJoining:
      return "joining";
    case Standing::kMember:
      return "member";
    case Standing::kUnlisted:
      return "unlisted";
    case Standing::kRemoved:
      return "removed";
  }
  return "unknown";
}

std::string_view ToString(ZabPhase phase) {
  switch (phase) {
    case ZabPhase::kElection:
      return "election";
    case ZabPhase::kDiscovery:
      return "discovery";
    case ZabPhase::kSynchronization:
      return "synchronization";
    case ZabPhase::kBroadcast:
      return "broadcast";
  }
  return "unknown";
}

std::string ToString(const Vote& vote) {
  return "leader " + ToString(vote.leader) + " epoch " + std::to_string(vote.epoch) + " zxid " +
         ToString(vote.zxid);
}

}  // namespace v1
}  // namespace zkq
