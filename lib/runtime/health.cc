#include "lib/runtime/health.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/runtime/facts.h"
#include "zkq/status.h"

namespace zkq::runtime {
namespace {

using Code = absl::StatusCode;

// For so long an election, or a new leader, may take without anybody being called.
constexpr absl::Duration kLeaderlessMax = absl::Seconds(10);

// What one ailment says: "`what` for 12s: `why`".
struct Complaint {
  Code code = Code::kUnavailable;
  std::string what = {};
  std::string why = {};  // and what would help
};

std::string Text(Time time) {
  const absl::Duration duration = absl::Microseconds(time.count());
  const absl::Duration unit =
      duration < absl::Seconds(10) ? absl::Milliseconds(1) : absl::Seconds(1);
  return absl::FormatDuration(absl::Trunc(duration, unit));
}

bool Misses(const Facts& facts, const LinkState& link) {
  return !link.up && link.id != facts.self && FindMember(facts.around->membership, link.id);
}

bool MissesAny(const Facts& facts) {
  const std::vector<LinkState>& links = facts.around->links;
  return std::any_of(links.begin(), links.end(),
                     [&](const LinkState& link) { return Misses(facts, link); });
}

// "server 2 at db2:7002: connection refused; server 3 at db3:7003: no such name".
std::string Missed(const Facts& facts) {
  std::vector<std::string> missed;
  for (const LinkState& link : facts.around->links) {
    if (!Misses(facts, link)) continue;
    const std::string& address = FindMember(facts.around->membership, link.id)->address;
    missed.push_back(
        absl::StrCat("server ", ToString(link.id), address.empty() ? "" : " at ", address, ": ",
                     link.error.ok() ? "not dialled yet" : std::string(link.error.message())));
  }
  return absl::StrCat("not linked: ", absl::StrJoin(missed, "; "));
}

std::string AfterHalt(Code code) {
  switch (code) {
    case Code::kResourceExhausted:
      return "make room for it, on the disk or in the limits of its process, then restart it";
    case Code::kDataLoss:
      return "something durable may be lost: restart no other server before that is understood";
    default:
      return "mend what the reason names, then restart it";
  }
}

Complaint Differ(const Facts& facts) {
  std::vector<std::string> differences;
  for (const core::Peer::Difference& other : facts.around->differences) {
    differences.push_back(absl::StrCat("server ", ToString(other.sid), " and server ",
                                       ToString(facts.self),
                                       " are configured with other members: ", other.what));
  }
  return {Code::kFailedPrecondition, "nothing is founded",
          absl::StrCat(absl::StrJoin(differences, "; "),
                       "; give all servers the same list, spelled alike")};
}

Complaint OfDisk(const Facts& facts, Ailment ailment) {
  const std::string help =
      "look at the disk, and at who else uses it; a larger tick bears a slower one";
  if (ailment == Ailment::kDiskHangs) {
    return {Code::kDeadlineExceeded, "the disk hangs",
            absl::StrCat("no sync has ended for ", Text(facts.view.disk_hangs), "; ", help)};
  }
  return {Code::kDeadlineExceeded, "the disk is slow",
          absl::StrCat("a sync takes ", Text(facts.view.disk_slow), ", and a write waits for it; ",
                       help)};
}

Complaint ClockOff(const Facts& facts) {
  const Time off = facts.view.clock_off;
  return {Code::kOutOfRange, "clocks differ",
          absl::StrCat("leader_time of server ", ToString(facts.view.role.leader),
                       ", the leader, is ", Text(std::chrono::abs(off)),
                       off > Time{} ? " ahead of" : " behind", " the clock of server ",
                       ToString(facts.self), "; look at the time synchronisation of both")};
}

Complaint ComplaintOf(const Facts& facts, Ailment ailment) {
  switch (ailment) {
    case Ailment::kHalted:
      return {facts.halted_by, absl::StrCat(*facts.halted_for, "; halted"),
              AfterHalt(facts.halted_by)};
    case Ailment::kAmnesic:
      return {Code::kFailedPrecondition, "does not vote",
              absl::StrCat("the ensemble lists server ", ToString(facts.self),
                           " with another disk than this one; start it on its own data_dir, or, if "
                           "that disk is lost, `zkqctl replace ",
                           ToString(facts.self), "`")};
    case Ailment::kMembersDiffer:
      return Differ(facts);
    case Ailment::kNotFounded:
      return {Code::kUnavailable, "not founded",
              absl::StrCat(facts.may_found ? "a new ensemble needs each listed server once; "
                                           : "it only joins, and is linked with no server of an "
                                             "ensemble that is founded; ",
                           MissesAny(facts) ? Missed(facts) : "all are linked")};
    case Ailment::kLeaderless:
      return {Code::kUnavailable, "no leader",
              MissesAny(facts) ? Missed(facts) : "all are linked; see the log of each"};
    case Ailment::kDiskHangs:
    case Ailment::kDiskSlow:
      return OfDisk(facts, ailment);
    case Ailment::kClockOff:
      return ClockOff(facts);
  }
  return {};
}

// " for 12s"; nothing in its first second.
std::string Lasts(const Facts& facts, Ailment ailment, absl::Duration now) {
  const bool by_leader = ailment == Ailment::kNotFounded || ailment == Ailment::kLeaderless;
  const absl::Duration since =
      by_leader ? facts.leaderless_since : facts.around->ill_since[static_cast<size_t>(ailment)];
  const absl::Duration lasts = absl::Trunc(now - since, absl::Seconds(1));
  return lasts > absl::ZeroDuration() ? absl::StrCat(" for ", absl::FormatDuration(lasts)) : "";
}

}  // namespace

Ailments AilmentsOf(const Facts& facts, absl::Duration now) {
  Ailments ailments;
  const auto set = [&](Ailment ailment, bool is) { ailments[static_cast<size_t>(ailment)] = is; };
  if (facts.halted() || facts.shutting_down) {
    set(Ailment::kHalted, facts.halted());
    return ailments;
  }
  const core::Peer::View& view = facts.view;
  const absl::Duration leaderless = now - facts.leaderless_since;
  const bool unfounded = view.role.standing == Standing::kUnfounded;
  const bool differ = unfounded && !facts.around->differences.empty();
  set(Ailment::kAmnesic, view.role.amnesic);
  set(Ailment::kMembersDiffer, differ);
  set(Ailment::kNotFounded, unfounded &&
                                leaderless >= absl::Microseconds(view.founded_within.count()) &&
                                (!differ || MissesAny(facts)));
  set(Ailment::kLeaderless, !unfounded && leaderless >= kLeaderlessMax);
  set(Ailment::kDiskHangs, view.disk_hangs > Time{});
  set(Ailment::kDiskSlow, view.disk_slow > Time{});
  set(Ailment::kClockOff, view.clock_off != Time{} && facts.leader());
  return ailments;
}

absl::Status HealthOf(const Facts& facts, absl::Duration now) {
  const Ailments ailments = AilmentsOf(facts, now);
  if (ailments.none()) return absl::OkStatus();
  Code code = Code::kOk;
  std::vector<std::string> texts;
  for (size_t i = 0; i < kAilments; ++i) {
    if (!ailments[i]) continue;
    const auto ailment = static_cast<Ailment>(i);
    const Complaint complaint = ComplaintOf(facts, ailment);
    if (texts.empty()) code = complaint.code;
    texts.push_back(absl::StrCat(complaint.what, Lasts(facts, ailment, now), ": ", complaint.why));
  }
  return MakeError(code, absl::StrJoin(texts, "; also: "), {.outcome = Outcome::kUnknown});
}

}  // namespace zkq::runtime
