#include "verbs.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "absl/strings/str_cat.h"
#include "change.h"
#include "look.h"
#include "text.h"
#include "zkq/reconfiguration.h"

namespace ctl {
namespace {

int Fail(const absl::Status& why, std::ostream& err) {
  err << "zkqctl: " << Words(why) << std::endl;
  return kFailed;
}

int Status(const Arguments& arguments, Servers& servers, std::ostream& out, std::ostream& err) {
  const std::vector<Answer> answers = AskAll(servers, arguments.servers);
  out << StatusText(answers, arguments.output);
  if (const absl::Status s = CheckOneEnsemble(answers); !s.ok()) return Fail(s, err);
  const bool any = std::any_of(answers.begin(), answers.end(),
                               [](const Answer& answer) { return answer.second.ok(); });
  return any ? kDone : kFailed;
}

int Members(const Arguments& arguments, Servers& servers, std::ostream& out, std::ostream& err) {
  const absl::StatusOr<Seen> seen = Look(servers, arguments.servers);
  if (!seen.ok()) return Fail(seen.status(), err);
  out << MembersText(seen->best().membership, arguments.output);
  return kDone;
}

bool IsKnown(const zkq::ReplicaStatus& leader, zkq::ServerId sid) {
  return FindMember(leader.membership, sid) != nullptr ||
         std::any_of(leader.links.begin(), leader.links.end(),
                     [&](const zkq::LinkStatus& link) { return link.id == sid; });
}

int CheckStop(const Arguments& arguments, Servers& servers, std::ostream& out, std::ostream& err) {
  const absl::StatusOr<Seen> seen = Look(servers, arguments.servers);
  if (!seen.ok()) return Fail(seen.status(), err);
  if (!seen->leader) {
    return Fail(absl::UnavailableError("no leader is known that answers, and none else can tell: "
                                       "`zkqctl status` says who is missing"),
                err);
  }
  for (const zkq::ServerId sid : arguments.ids) {
    if (IsKnown(*seen->leader, sid)) continue;
    return Fail(absl::NotFoundError(absl::StrCat("server ", ToString(sid),
                                                 " is not known: the members are ",
                                                 ToString(seen->leader->membership))),
                err);
  }
  const absl::Status may = zkq::CheckStop(*seen->leader, arguments.ids);
  if (!may.ok() && !absl::IsFailedPrecondition(may)) return Fail(may, err);
  out << AnswerText(may.ok(), std::string(may.message()), arguments.output) << std::flush;
  return may.ok() ? kDone : kNo;
}

// What a running time does not change.
std::string WithoutNumbers(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isdigit(c) != 0; });
  return text;
}

int WaitReady(const Arguments& arguments, Servers& servers, std::ostream& out, std::ostream& err) {
  const zkq::ServerId sid = arguments.ids.front();
  const absl::Time deadline = servers.Now() + arguments.timeout;
  std::string why = "nobody knows where it is: is it started, and in --servers?", told;
  for (;;) {
    const absl::Duration patience =
        std::clamp(deadline - servers.Now(), absl::Milliseconds(100), kAnswerTime);
    const std::optional<std::string> address = AddressOf(servers, arguments.servers, sid, patience);
    if (address) {
      const absl::StatusOr<zkq::ReplicaStatus> status = servers.StatusOf(*address, patience);
      if (status.ok() && status->id == sid && status->ready.ok()) break;
      why = !status.ok()        ? absl::StrCat("does not answer: ", status.status().message())
            : status->id != sid ? absl::StrCat("server ", ToString(status->id), " answers at ",
                                               *address, ", where it is listed")
                                : std::string(status->ready.message());
    }
    if (servers.Now() >= deadline) {
      out << AnswerText(false, absl::StrCat("server ", ToString(sid), ": ", why), arguments.output)
          << std::flush;
      return kNo;
    }
    const std::string tells = WithoutNumbers(why);
    if (std::exchange(told, tells) != tells) {
      err << "server " << ToString(sid) << ": " << why << std::endl;
    }
    servers.Sleep(std::min(absl::Milliseconds(200), deadline - servers.Now()));
  }
  out << AnswerText(true, "", arguments.output) << std::flush;
  return kDone;
}

}  // namespace

int Run(const Arguments& arguments, Servers& servers, std::ostream& out, std::ostream& err) {
  if (Changes(arguments.verb)) return RunChange(arguments, servers, out, err);
  if (arguments.verb == "status") return Status(arguments, servers, out, err);
  if (arguments.verb == "members") return Members(arguments, servers, out, err);
  if (arguments.verb == "check-stop") return CheckStop(arguments, servers, out, err);
  return WaitReady(arguments, servers, out, err);
}

}  // namespace ctl
