#include "change.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

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

int Failed(const absl::Status& why, std::ostream& err) {
  err << "zkqctl: " << Words(why) << "\n";
  if (const std::string advice = Advice(why); !advice.empty()) err << advice << "\n";
  const bool unknown = zkq::GetErrorInfo(why).outcome == Outcome::kUnknown;
  err << (unknown ? "unknown: it may have been changed, or may yet be\n" : "nothing is changed\n");
  return unknown ? kUnknown : kFailed;
}

// As if those that have caught up were listed already, with the disks that they have.
absl::Status DecidesNow(ReplicaStatus leader, const Membership& next) {
  leader.membership = next;
  for (zkq::LinkStatus& link : leader.links) {
    if (link.standing == zkq::Standing::kJoining) link.standing = zkq::Standing::kMember;
  }
  return zkq::CheckStop(leader, {});
}

int DryRun(const Arguments& arguments, const Seen& seen, const Membership& next, std::ostream& out,
           std::ostream& err) {
  if (const absl::Status s = zkq::CheckMembership(next); !s.ok()) return Failed(s, err);
  const absl::Status decides = seen.leader
                                   ? DecidesNow(*seen.leader, next)
                                   : absl::UnavailableError("no leader is known that answers");
  out << DryRunText(next, decides, arguments.output);
  return kDone;
}

// Asks one server after the other as long as nothing has been changed because of where it was
// asked.
absl::StatusOr<Membership> AskAnyLocal(Servers& servers, const Arguments& arguments,
                                       const Membership& next, absl::Time deadline) {
  absl::Status last = absl::UnavailableError("no server is given");
  for (const std::string& address : arguments.servers) {
    const absl::StatusOr<ReplicaStatus> there = servers.StatusOf(address, kAnswerTime);
    if (!there.ok()) {
      if (!absl::IsPermissionDenied(last)) last = NotCommitted(there.status());
      continue;
    }
    absl::StatusOr<Membership> now =
        servers.Reconfigure(address, next, std::max(deadline - servers.Now(), absl::Seconds(1)));
    if (now.ok() || !absl::IsPermissionDenied(now.status())) return now;
    last = now.status();
  }
  return last;
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
    if (!seen.ok() || !seen->leader) continue;
    const std::string lines = progress.Lines(*seen->leader, servers.Now());
    if (lines != told) err << (told = lines) << std::flush;
  }
  return answer.get();
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
      return "is any of --servers up? Give peer ports of others, too";
    default:
      return "";
  }
}

int RunChange(const Arguments& arguments, Servers& servers, std::ostream& out, std::ostream& err) {
  const absl::Time deadline = servers.Now() + arguments.timeout;
  for (bool unknown = false;;) {
    const absl::StatusOr<Seen> seen = Look(servers, arguments.servers);
    if (!seen.ok()) return Failed(NotCommitted(seen.status()), err);
    const absl::StatusOr<Membership> next = Edit(seen->best().membership, arguments.change);
    if (!next.ok()) return Failed(NotCommitted(next.status()), err);
    if (arguments.dry_run) return DryRun(arguments, *seen, *next, out, err);
    const absl::StatusOr<Membership> now =
        AskWithProgress(servers, arguments, *next, deadline, err);
    if (now.ok()) {
      Tell(*now, arguments.output, out);
      return kDone;
    }
    // Another change has come first, or this server did not know yet of the last one.
    const bool again = absl::IsAborted(now.status()) && !arguments.change.from;
    unknown = unknown || zkq::GetErrorInfo(now.status()).outcome == Outcome::kUnknown;
    if (!again || servers.Now() >= deadline) {
      return unknown ? std::max<int>(Failed(now.status(), err), kUnknown)
                     : Failed(now.status(), err);
    }
    servers.Sleep(absl::Milliseconds(100));
  }
}

}  // namespace ctl
