#include "edit.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace ctl {
namespace {

using zkq::Member;
using zkq::Membership;
using zkq::MemberType;
using zkq::ServerId;

template <typename... Parts>
absl::Status Refused(ServerId sid, const Parts&... parts) {
  return absl::FailedPreconditionError(absl::StrCat("server ", zkq::ToString(sid), " ", parts...));
}

absl::Status NotListed(ServerId sid, const Membership& now) {
  return Refused(sid, "is not listed: `zkqctl add ", zkq::ToString(sid),
                 "=HOST:PORT` adds it; the members are ", zkq::ToString(now));
}

bool SameButDisk(Member a, const Member& b) {
  a.disk = b.disk;
  return a == b;
}

absl::Status Add(Membership* now, const std::vector<Member>& added) {
  for (const Member& member : added) {
    const Member* const listed = FindMember(*now, member.id);
    if (listed != nullptr && !SameButDisk(*listed, member)) {
      return Refused(member.id, "is listed already, as ", zkq::ToString(*listed),
                     ": `zkqctl set` changes that, `zkqctl move` its address, and `zkqctl replace ",
                     zkq::ToString(member.id), "` takes its new disk");
    }
    if (listed == nullptr) *now = With(std::move(*now), member);
  }
  return absl::OkStatus();
}

absl::Status Set(Membership* now, const std::vector<Member>& set) {
  for (Member member : set) {
    Member* const listed = FindMember(now, member.id);
    if (listed == nullptr) return NotListed(member.id, *now);
    const bool stays = listed->type == member.type;  // an observer's disk is not listed
    if (stays) member.disk = listed->disk;
    *listed = member;
  }
  return absl::OkStatus();
}

absl::Status Move(Membership* now, const std::vector<Member>& moved) {
  for (const Member& member : moved) {
    Member* const listed = FindMember(now, member.id);
    if (listed == nullptr) return NotListed(member.id, *now);
    listed->address = member.address;
  }
  return absl::OkStatus();
}

absl::Status Become(MemberType type, Membership* now, const std::vector<ServerId>& ids) {
  for (const ServerId sid : ids) {
    Member* const listed = FindMember(now, sid);
    if (listed == nullptr) return NotListed(sid, *now);
    if (std::exchange(listed->type, type) != type) listed->disk = {};
  }
  return absl::OkStatus();
}

absl::Status TakeDisks(Membership* now, const std::vector<ServerId>& ids) {
  for (const ServerId sid : ids) {
    Member* const listed = FindMember(now, sid);
    if (listed == nullptr) return NotListed(sid, *now);
    if (listed->type != MemberType::kParticipant) {
      return Refused(sid,
                     "is an observer, which needs no replacing: start it on an empty "
                     "directory, and it learns again");
    }
    listed->disk = zkq::kPresentDisk;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Membership> Edit(Membership now, const Change& change) {
  if (change.from && *change.from != now.version) {
    return absl::AbortedError(absl::StrCat("the configuration is of version ",
                                           zkq::ToString(now.version), ", and not of ",
                                           zkq::ToString(*change.from), ": ", zkq::ToString(now)));
  }
  for (const ServerId sid : change.remove) now = Without(std::move(now), sid);
  if (absl::Status s = Add(&now, change.add); !s.ok()) return s;
  if (absl::Status s = Set(&now, change.set); !s.ok()) return s;
  if (absl::Status s = Move(&now, change.move); !s.ok()) return s;
  if (absl::Status s = Become(MemberType::kParticipant, &now, change.promote); !s.ok()) return s;
  if (absl::Status s = Become(MemberType::kObserver, &now, change.demote); !s.ok()) return s;
  if (absl::Status s = TakeDisks(&now, change.take_disk); !s.ok()) return s;
  return now;
}

}  // namespace ctl
