#include "lib/link/seats.h"

#include <algorithm>

namespace zkq::link {

Role Seat::RoleOf(const DiskId& disk) const {
  if (voter && (disks.empty() || Rank(disk) > 0)) return Role::kVoter;
  return observer ? Role::kObserver : Role::kUnlisted;
}

size_t Seat::Rank(const DiskId& disk) const {
  const auto found = std::find(disks.rbegin(), disks.rend(), disk);
  return static_cast<size_t>(disks.rend() - found);
}

std::map<ServerId, SeatAndAddresses> ReadSeats(absl::Span<const Member> members) {
  std::map<ServerId, SeatAndAddresses> all;
  for (const Member& member : members) {
    if (member.id == kNoServer) continue;
    const auto [found, first] = all.try_emplace(member.id);
    auto& [seat, addresses] = found->second;
    const bool votes = member.type == MemberType::kParticipant;
    const bool has_disk = votes && member.disk != DiskId{};
    if (has_disk) seat.disks.push_back(member.disk);
    seat.voter |= votes && (first || has_disk);
    seat.observer |= !votes;
    if (!member.address.empty()) addresses.push_back(member.address);
  }
  return all;
}

}  // namespace zkq::link
