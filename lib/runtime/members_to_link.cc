#include "lib/runtime/members_to_link.h"

#include <algorithm>

namespace zkq::runtime {

namespace {

// An entry without a disk says where a server may be, and nothing of its disk.
void ForgetDisk(const Member& other, std::vector<Member>* members) {
  for (Member& member : *members) {
    const bool both = member.id == other.id && member.disk != DiskId{} && other.disk != DiskId{};
    if (both && member.disk != other.disk) member.disk = {};
  }
}

}  // namespace

std::vector<Member> MembersToLink(ServerId self, const Configs& configs, const Membership* told,
                                  const std::vector<Member>& configured, int64_t lost) {
  std::vector<Member> members = configs.committed.members;
  if (configs.pending) {
    std::vector<Member> pending = configs.pending->members;
    const bool committed_first = lost % 2 == 1;
    const std::vector<Member> leading = committed_first ? members : pending;
    for (const Member& member : leading) {
      if (lost > 0 && member.id != self) ForgetDisk(member, committed_first ? &pending : &members);
    }
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
    if (known ? !reached : lost > 0) members.push_back(spare);
  }
  for (const Member& member : only_told) {
    members.push_back({.id = member.id, .address = member.address});
  }
  return members;
}

}  // namespace zkq::runtime
