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

bool IsBare(const Member& member) {
  return member == Member{.id = member.id, .address = member.address};
}

absl::Status Replace(Membership* now, const Change::Replacement& change) {
  const ServerId old = change.old;
  Member by = change.by;
  const Member* const listed = FindMember(*now, by.id);
  const Member* const replaced = FindMember(*now, old);
  if (by.id == old) {
    return Refused(old, "cannot take its own place: `zkqctl replace ", zkq::ToString(old),
                   "` takes its new disk, `zkqctl move` its new address");
  }
  if (replaced == nullptr) {
    const bool done = listed != nullptr && listed->address == by.address &&
                      (IsBare(by) || SameButDisk(*listed, by));
    return done ? absl::OkStatus() : NotListed(old, *now);
  }
  if (listed != nullptr) {
    return Refused(by.id, "is listed already, and takes nobody's place: `zkqctl remove ",
                   zkq::ToString(old), "` removes server ", zkq::ToString(old));
  }
  if (IsBare(by)) {
    by = *replaced;
    by.id = change.by.id;
    by.address = change.by.address;
    by.disk = {};
  }
  *now = With(Without(std::move(*now), old), by);
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

absl::StatusOr<Membership> Edit(const Membership& before, const Change& change) {
  Membership now = before;
  for (const ServerId sid : change.remove) now = Without(std::move(now), sid);
  if (change.replace) {
    if (absl::Status s = Replace(&now, *change.replace); !s.ok()) return s;
  }
  if (absl::Status s = Add(&now, change.add); !s.ok()) return s;
  if (absl::Status s = Set(&now, change.set); !s.ok()) return s;
  if (absl::Status s = Move(&now, change.move); !s.ok()) return s;
  if (absl::Status s = Become(MemberType::kParticipant, &now, change.promote); !s.ok()) return s;
  if (absl::Status s = Become(MemberType::kObserver, &now, change.demote); !s.ok()) return s;
  if (absl::Status s = TakeDisks(&now, change.take_disk); !s.ok()) return s;
  if (now != before && change.from && *change.from != before.version) {
    return absl::AbortedError(
        absl::StrCat("the configuration is of version ", zkq::ToString(before.version),
                     ", and not of ", zkq::ToString(*change.from), ": ", zkq::ToString(before)));
  }
  return now;
}

}  // namespace ctl
