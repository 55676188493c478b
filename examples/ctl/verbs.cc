#include "verbs.h"

#include <algorithm>
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

int Status(const Arguments& arguments, Servers& servers, std::ostream& out) {
  const std::vector<Answer> answers = AskAll(servers, arguments.servers);
  out << StatusText(answers, arguments.output);
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

int CheckStop(const Arguments& arguments, Servers& servers, std::ostream& out, std::ostream& err) {
  const absl::StatusOr<Seen> seen = Look(servers, arguments.servers);
  if (!seen.ok()) return Fail(seen.status(), err);
  if (!seen->leader) {
    return Fail(absl::UnavailableError("no leader is known that answers, and none else can tell: "
                                       "`zkqctl status` says who is missing"),
                err);
  }
  const absl::Status may = zkq::CheckStop(*seen->leader, arguments.ids);
  if (may.ok()) {
    out << "yes" << std::endl;
    return kDone;
  }
  if (!absl::IsFailedPrecondition(may)) return Fail(may, err);
  out << "no: " << may.message() << std::endl;
  return kNo;
}

int WaitReady(const Arguments& arguments, Servers& servers, std::ostream& out, std::ostream& err) {
  const zkq::ServerId sid = arguments.ids.front();
  const absl::Time deadline = servers.Now() + arguments.timeout;
  std::string why = "nobody knows where it is: is it started, and in --servers?", told;
  for (;;) {
    const std::optional<std::string> address = AddressOf(servers, arguments.servers, sid);
    if (address) {
      const absl::StatusOr<zkq::ReplicaStatus> status = servers.StatusOf(*address, kAnswerTime);
      if (status.ok() && status->id == sid && status->ready.ok()) break;
      why = !status.ok()        ? absl::StrCat("does not answer: ", status.status().message())
            : status->id != sid ? absl::StrCat("server ", ToString(status->id), " answers at ",
                                               *address, ", where it is listed")
                                : std::string(status->ready.message());
    }
    if (servers.Now() >= deadline) {
      out << "no: server " << ToString(sid) << ": " << why << std::endl;
      return kNo;
    }
    if (std::exchange(told, why) != why) err << "server " << ToString(sid) << ": " << why << "\n";
    servers.Sleep(std::min(absl::Milliseconds(200), deadline - servers.Now()));
  }
  out << "ready" << std::endl;
  return kDone;
}

}  // namespace

int Run(const Arguments& arguments, Servers& servers, std::ostream& out, std::ostream& err) {
  if (Changes(arguments.verb)) return RunChange(arguments, servers, out, err);
  if (arguments.verb == "status") return Status(arguments, servers, out);
  if (arguments.verb == "members") return Members(arguments, servers, out, err);
  if (arguments.verb == "check-stop") return CheckStop(arguments, servers, out, err);
  return WaitReady(arguments, servers, out, err);
}

}  // namespace ctl
