#include "lib/runtime/members_to_link.h"

#include <algorithm>

namespace zkq::runtime {

std::vector<Member> MembersToLink(const Configs& configs, const Membership* told,
                                  const std::vector<Member>& configured, bool all) {
  std::vector<Member> members = configs.committed.members;
  if (configs.pending) {
    const std::vector<Member>& pending = configs.pending->members;
    members.insert(members.end(), pending.begin(), pending.end());
  }
  const std::vector<Member> counting = members;
  const std::vector<Member> only_told = told != nullptr ? told->members : std::vector<Member>();
  for (const Member& member : only_told) {
    const bool has_disk = std::any_of(counting.begin(), counting.end(), [&](const Member& m) {
      return m.id == member.id && m.disk != DiskId{};
    });
    if (!has_disk) members.emplace_back(member).address.clear();
  }
  const std::vector<Member> agreed = members;
  for (const Member& spare : configured) {
    const auto same = [&](const Member& m) { return m.id == spare.id; };
    const auto there = [&](const Member& m) { return same(m) && m.address == spare.address; };
    const bool known = std::any_of(agreed.begin(), agreed.end(), same);
    const bool reached = std::any_of(agreed.begin(), agreed.end(), there);
    if (known ? !reached : all) members.push_back(spare);
  }
  for (const Member& member : only_told) {
    members.push_back({.id = member.id, .address = member.address});
  }
  return members;
}

}  // namespace zkq::runtime
