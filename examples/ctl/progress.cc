#include "progress.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace ctl {
namespace {

using zkq::MemberType;
using zkq::Standing;

std::string Size(uint64_t bytes) {
  if (bytes < 1'000) return absl::StrCat(bytes, " B");
  if (bytes < 1'000'000) return absl::StrFormat("%.1f kB", static_cast<double>(bytes) / 1e3);
  return absl::StrFormat("%.1f MB", static_cast<double>(bytes) / 1e6);
}

// A voter already, on the disk that is listed.
bool Counts(const zkq::ReplicaStatus& leader, const zkq::LinkStatus& link) {
  const zkq::Member* const listed = FindMember(leader.membership, link.id);
  return listed != nullptr && listed->type == MemberType::kParticipant &&
         link.standing == Standing::kMember;
}

}  // namespace

std::string Progress::Lag(const zkq::LinkStatus& link, absl::Time now) {
  if (link.caught_up) return "has caught up";
  std::string text =
      absl::StrCat(link.transactions_behind, " transactions, ", Size(link.bytes_behind), " behind");
  const Sample before = std::exchange(before_[link.id], {now, link.transactions_behind});
  const double seconds = absl::ToDoubleSeconds(now - before.at);
  if (before.at == absl::InfinitePast() || seconds <= 0 ||
      link.transactions_behind >= before.behind) {
    return text;
  }
  const double rate = static_cast<double>(before.behind - link.transactions_behind) / seconds;
  return text + absl::StrFormat(", %.0f/s, about %.0f s", rate,
                                static_cast<double>(link.transactions_behind) / rate);
}

std::string Progress::Lines(const zkq::ReplicaStatus& leader, absl::Time now) {
  std::string text;
  for (const zkq::Member& member : next_.members) {
    if (member.type != MemberType::kParticipant || member.id == leader.id) continue;
    const auto link = std::find_if(leader.links.begin(), leader.links.end(),
                                   [&](const zkq::LinkStatus& l) { return l.id == member.id; });
    const bool up = link != leader.links.end() && link->up;
    if (up && Counts(leader, *link)) continue;
    if (!up && FindMember(leader.membership, member.id) != nullptr &&
        member.disk != zkq::kPresentDisk) {
      continue;  // a member that is down is waited for by nobody
    }
    absl::StrAppend(&text, "waits for server ", ToString(member.id), ": ",
                    up ? Lag(*link, now) : "not linked with the leader: is it started?", "\n");
  }
  return text;
}

}  // namespace ctl
