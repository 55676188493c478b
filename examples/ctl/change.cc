#include "change.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "look.h"
#include "progress.h"
#include "text.h"
#include "verbs.h"
#include "zkq/reconfiguration.h"
#include "zkq/status.h"

namespace ctl {
namespace {

using Code = absl::StatusCode;
using zkq::Membership;
using zkq::Outcome;
using zkq::ReplicaStatus;

constexpr std::chrono::seconds kProgressPeriod{1};

// While nothing has been asked for yet.
absl::Status NotCommitted(const absl::Status& why) {
  return zkq::MakeError(why.code(), std::string(why.message()));
}

// `unknown`: something that was asked for before may have been done.
int Failed(const absl::Status& why, bool unknown, std::ostream& err) {
  err << "zkqctl: " << Words(why) << "\n";
  if (const std::string advice = Advice(why); !advice.empty()) err << advice << "\n";
  unknown = unknown || zkq::GetErrorInfo(why).outcome == Outcome::kUnknown;
  err << (unknown ? "unknown: it may have been changed, or may yet be\n" : "nothing is changed\n");
  return unknown ? kUnknown : kFailed;
}

// --- before anything is asked for ---------------------------------------------------------

// Those that are where `next` has somebody that the present configuration does not have there.
absl::Status CheckAddresses(Servers& servers, const ReplicaStatus& present, const Membership& next,
                            std::ostream& err) {
  std::vector<std::string> addresses;
  std::vector<zkq::ServerId> expected;
  for (const zkq::Member& member : next.members) {
    const zkq::Member* const listed = FindMember(present.membership, member.id);
    if (listed != nullptr && listed->address == member.address) continue;
    addresses.push_back(member.address);
    expected.push_back(member.id);
  }
  const std::vector<Answer> answers = AskEach(servers, addresses);
  for (size_t i = 0; i < answers.size(); ++i) {
    const auto& [address, there] = answers[i];
    const std::string where =
        absl::StrCat("at ", address, ", where server ", ToString(expected[i]), " is to be");
    if (!there.ok()) {
      err << "nobody answers " << where << ": is it started, and is that its address?\n";
    } else if (there->id != expected[i]) {
      return absl::FailedPreconditionError(
          absl::StrCat("server ", ToString(there->id), " answers ", where));
    } else if (there->ensemble != zkq::EnsembleId{} && there->ensemble != present.ensemble) {
      return absl::FailedPreconditionError(absl::StrCat(
          "a server of another ensemble, ", ToString(there->ensemble), ", answers ", where,
          ": it has to be started on an empty directory, with members of this ensemble"));
    }
  }
  return absl::OkStatus();
}

// As if those were counted already whom `next` is to count from then on, if they have caught up.
absl::Status DecidesNow(ReplicaStatus leader, const Membership& next) {
  const Membership before = std::exchange(leader.membership, next);
  for (zkq::LinkStatus& link : leader.links) {
    const zkq::Member* const member = FindMember(next, link.id);
    if (member == nullptr || member->type != zkq::MemberType::kParticipant) continue;
    const zkq::Member* const listed = FindMember(before, link.id);
    const bool votes = listed != nullptr && listed->type == zkq::MemberType::kParticipant;
    if (votes && member->disk != zkq::kPresentDisk) continue;
    link.standing = zkq::Standing::kMember;
    link.type = zkq::MemberType::kParticipant;
  }
  return zkq::CheckStop(leader, {});
}

int DryRun(const Seen& seen, const Membership& next, Output output, absl::Time now,
           std::ostream& out, std::ostream& err) {
  if (const absl::Status s = zkq::CheckMembership(next); !s.ok()) return Failed(s, false, err);
  const absl::Status decides = seen.leader
                                   ? DecidesNow(*seen.leader, next)
                                   : absl::UnavailableError("no leader is known that answers");
  out << DryRunText(next, decides, output);
  if (seen.leader) err << Progress(next).Lines(*seen.leader, now);
  return kDone;
}

// --- asking ---------------------------------------------------------------------------------

// Asks one server after the other as long as nothing has been changed because of where it was
// asked.
absl::StatusOr<Membership> AskAnyLocal(Servers& servers, const Arguments& arguments,
                                       const Membership& next, absl::Time deadline) {
  absl::Status last = absl::UnavailableError("no server is given");
  for (const auto& [address, there] : AskEach(servers, arguments.servers)) {
    if (!there.ok()) {
      if (!absl::IsPermissionDenied(last)) last = NotCommitted(there.status());
      continue;
    }
    absl::StatusOr<Membership> now =
        servers.Reconfigure(address, next, std::max(deadline - servers.Now(), absl::Seconds(1)));
    const bool elsewhere =
        absl::IsPermissionDenied(now.status()) || absl::IsResourceExhausted(now.status());
    if (!elsewhere) return now;
    last = now.status();
  }
  return last;
}

std::string NobodyLeads(const ReplicaStatus& any) {
  const absl::Status& why = any.health.ok() ? any.ready : any.health;
  return absl::StrCat("no leader is known that answers; server ", ToString(any.id),
                      " says: ", why.ok() ? "OK" : std::string(why.message()), "\n");
}

// Says meanwhile who is waited for.
absl::StatusOr<Membership> AskWithProgress(Servers& servers, const Arguments& arguments,
                                           const Membership& next, absl::Time deadline,
                                           std::ostream& err) {
  auto answer = std::async(std::launch::async,
                           [&] { return AskAnyLocal(servers, arguments, next, deadline); });
  Progress progress(next);
  std::string told;
  while (answer.wait_for(kProgressPeriod) != std::future_status::ready) {
    const absl::StatusOr<Seen> seen = Look(servers, arguments.servers);
    if (!seen.ok()) continue;
    const std::string lines =
        seen->leader ? progress.Lines(*seen->leader, servers.Now()) : NobodyLeads(seen->any);
    if (lines != told) err << (told = lines) << std::flush;
  }
  return answer.get();
}

// Another change has come first, or the server that was asked did not know yet of the last one; or
// nobody led.
bool MayGoAgain(const absl::Status& why, const Change& change) {
  if (absl::IsAborted(why)) return !change.from;
  return absl::IsUnavailable(why) && zkq::GetErrorInfo(why).outcome == Outcome::kNotCommitted;
}

void Tell(const Membership& now, Output output, std::ostream& out) {
  out << (output == Output::kJson ? MembersText(now, output) : ToString(now) + "\n");
}

}  // namespace

std::string Advice(const absl::Status& why) {
  const std::vector<zkq::ServerId> servers = zkq::GetErrorInfo(why).servers;
  const std::string who = absl::StrJoin(
      servers, ", ", [](std::string* text, zkq::ServerId sid) { *text += ToString(sid); });
  switch (why.code()) {
    case Code::kPermissionDenied:
      return "run zkqctl on the machine of a server, with --servers=127.0.0.1:PORT of its peer "
             "port; or start a server with admin_from_anywhere";
    case Code::kAborted:
      return "`zkqctl members` shows the configuration as it is now";
    case Code::kDeadlineExceeded:
      return who.empty() ? "`zkqctl status` says who leads and who is linked; then repeat it"
                         : absl::StrCat("is server ", who,
                                        " started, with an empty directory and members of this "
                                        "ensemble? `zkqctl status` says how far it is; a larger "
                                        "--timeout waits longer");
    case Code::kFailedPrecondition:
      return who.empty() ? ""
                         : absl::StrCat("see to server ", who,
                                        " first: `zkqctl status` says how it stands");
    case Code::kUnavailable:
      return "`zkqctl status` says who is up, and whom a leader lacks; if nobody answers, give "
             "peer "
             "ports of others, too";
    case Code::kResourceExhausted:
      return "that server has too many questions to answer: commands that were interrupted go on "
             "there until their --timeout. Ask another server";
    case Code::kUnknown:
    case Code::kInternal:
    case Code::kCancelled:
      return "to repeat it is always safe: what is so already is not done twice";
    case Code::kInvalidArgument:
      return "`zkqctl members` prints what there is; --dry-run what a change would make of it";
    default:
      return "";
  }
}

int RunChange(const Arguments& arguments, Servers& servers, std::ostream& out, std::ostream& err) {
  const absl::Time deadline = servers.Now() + arguments.timeout;
  bool unknown = false;
  std::string told;
  for (bool first = true;; first = false) {
    const absl::StatusOr<Seen> seen = Look(servers, arguments.servers);
    if (!seen.ok()) return Failed(NotCommitted(seen.status()), unknown, err);
    const ReplicaStatus& present = seen->best();
    const absl::StatusOr<Membership> next = Edit(present.membership, arguments.change);
    if (!next.ok()) return Failed(NotCommitted(next.status()), unknown, err);
    if (first) {
      if (*next == present.membership) err << "nothing to change: it is so already\n";
      const absl::Status fit = CheckAddresses(servers, present, *next, err);
      if (!fit.ok()) return Failed(NotCommitted(fit), unknown, err);
    }
    if (arguments.dry_run) {
      return DryRun(*seen, *next, arguments.output, servers.Now(), out, err);
    }
    const absl::StatusOr<Membership> now =
        AskWithProgress(servers, arguments, *next, deadline, err);
    if (now.ok()) {
      Tell(*now, arguments.output, out);
      return kDone;
    }
    unknown = unknown || zkq::GetErrorInfo(now.status()).outcome == Outcome::kUnknown;
    if (!MayGoAgain(now.status(), arguments.change) || servers.Now() >= deadline) {
      return Failed(now.status(), unknown, err);
    }
    if (absl::IsUnavailable(now.status())) {
      const std::string why = NobodyLeads(present);
      if (std::exchange(told, why) != why) err << why << std::flush;
    }
    servers.Sleep(absl::Milliseconds(100));
  }
}

}  // namespace ctl
