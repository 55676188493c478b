#include "text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "json.h"
#include "table.h"

namespace ctl {
namespace {

using zkq::LinkStatus;
using zkq::Member;
using zkq::Membership;
using zkq::MemberType;
using zkq::ReplicaStatus;

std::string_view TypeText(MemberType type) {
  return type == MemberType::kObserver ? "observer" : "voter";
}

std::string For(absl::Duration duration) {
  const absl::Duration unit =
      duration < absl::Seconds(10) ? absl::Milliseconds(1) : absl::Seconds(1);
  return absl::FormatDuration(absl::Trunc(duration, unit));
}

std::string RoleText(const ReplicaStatus& status) {
  if (status.halted) return "halted";
  if (status.leads) return "leads";
  std::string text(ToString(status.state));
  if (status.leader && *status.leader != status.id) {
    absl::StrAppend(&text, " ", ToString(*status.leader));
  }
  return text;
}

// --- as a table ------------------------------------------------------------------------

Row ServerRow(const std::string& address, const ReplicaStatus& s) {
  return {address,
          ToString(s.id),
          std::string(ToString(s.standing)),
          RoleText(s),
          absl::StrCat(s.epoch),
          ToString(s.last_committed),
          ToString(s.last_applied),
          absl::StrCat(s.transactions_behind),
          s.ready.ok() ? "yes" : "no"};
}

std::string ServersTable(const std::vector<Answer>& answers) {
  std::vector<Row> rows = {
      {"SERVER", "ID", "STANDING", "ROLE", "EPOCH", "COMMITTED", "APPLIED", "BEHIND", "READY"}};
  for (const auto& [address, answer] : answers) {
    rows.push_back(
        answer.ok() ? ServerRow(address, *answer)
                    : Row{address, absl::StrCat("does not answer: ", answer.status().message())});
  }
  return Table(rows);
}

Row LinkRow(const LinkStatus& link) {
  Row row = {ToString(link.id), std::string(TypeText(link.type)),
             std::string(ToString(link.standing)),
             absl::StrCat(link.up ? "up " : "down ", For(link.since))};
  if (!link.up) {
    row.push_back(Words(link.error));
    return row;
  }
  row.insert(row.end(), {absl::StrCat(link.transactions_behind), absl::StrCat(link.bytes_behind),
                         link.caught_up ? "yes" : "no"});
  return row;
}

std::string LearnersTable(const ReplicaStatus& leader) {
  std::vector<Row> rows = {{"LEARNER", "TYPE", "STANDING", "LINK", "BEHIND", "BYTES", "CAUGHT UP"}};
  for (const LinkStatus& link : leader.links) rows.push_back(LinkRow(link));
  return rows.size() == 1 ? "" : absl::StrCat("\n", Table(rows));
}

// Why a server is not ready, and what is to be seen to.
std::string Complaints(const std::vector<Answer>& answers) {
  std::string text;
  for (const auto& [address, answer] : answers) {
    if (!answer.ok()) continue;
    const std::string who = absl::StrCat("\n", ToString(answer->id), "  ");
    if (!answer->ready.ok()) absl::StrAppend(&text, who, "not ready: ", answer->ready.message());
    if (!answer->health.ok()) absl::StrAppend(&text, who, "health: ", answer->health.message());
  }
  return text.empty() ? "" : text + "\n";
}

std::string StatusTable(const std::vector<Answer>& answers) {
  std::string text = ServersTable(answers);
  for (const auto& [address, answer] : answers) {
    if (answer.ok() && answer->leads) absl::StrAppend(&text, LearnersTable(*answer));
  }
  absl::StrAppend(&text, Complaints(answers));
  const ReplicaStatus* const best = WhoKnowsMost(answers);
  if (best != nullptr) absl::StrAppend(&text, "\nmembers ", ToString(best->membership), "\n");
  return text;
}

std::string MembersTable(const Membership& membership) {
  std::vector<Row> rows = {{"ID", "ADDRESS", "TYPE", "WEIGHT", "GROUP", "PRIORITY", "DISK"}};
  for (const Member& m : membership.members) {
    rows.push_back({ToString(m.id), m.address, std::string(TypeText(m.type)),
                    absl::StrCat(m.weight), absl::StrCat(m.group), absl::StrCat(m.priority),
                    m.disk == zkq::DiskId{}       ? "-"
                    : m.disk == zkq::kPresentDisk ? "the present one"
                                                  : ToString(m.disk)});
  }
  return absl::StrCat("version ", ToString(membership.version), "\n", Table(rows));
}

// --- as JSON ---------------------------------------------------------------------------

using json::Array;
using json::Bool;
using json::Object;
using json::Text;

// Of a duration without end: -1.
std::string Micros(absl::Duration duration) {
  return duration == absl::InfiniteDuration() ? "-1"
                                              : absl::StrCat(absl::ToInt64Microseconds(duration));
}

std::string Json(const Membership& membership) {
  std::vector<std::string> members;
  for (const Member& m : membership.members) {
    members.push_back(Object({{"id", ToString(m.id)},
                              {"address", Text(m.address)},
                              {"type", Text(TypeText(m.type))},
                              {"weight", absl::StrCat(m.weight)},
                              {"group", absl::StrCat(m.group)},
                              {"priority", absl::StrCat(m.priority)},
                              {"disk", Text(ToString(m.disk))}}));
  }
  return Object({{"version", Text(ToString(membership.version))}, {"members", Array(members)}});
}

std::string Json(const LinkStatus& link) {
  return Object({{"id", ToString(link.id)},
                 {"type", Text(TypeText(link.type))},
                 {"standing", Text(ToString(link.standing))},
                 {"up", Bool(link.up)},
                 {"since_us", Micros(link.since)},
                 {"error", Text(link.error.ok() ? "" : Words(link.error))},
                 {"round_trip_us", Micros(link.round_trip)},
                 {"durable", Text(ToString(link.durable))},
                 {"applied", Text(ToString(link.applied))},
                 {"transactions_behind", absl::StrCat(link.transactions_behind)},
                 {"bytes_behind", absl::StrCat(link.bytes_behind)},
                 {"caught_up", Bool(link.caught_up)}});
}

std::string Json(const std::string& address, const ReplicaStatus& s) {
  std::vector<std::string> links;
  for (const LinkStatus& link : s.links) links.push_back(Json(link));
  return Object({{"server", Text(address)},
                 {"id", ToString(s.id)},
                 {"standing", Text(ToString(s.standing))},
                 {"state", Text(ToString(s.state))},
                 {"phase", Text(ToString(s.phase))},
                 {"leader", ToString(s.leader.value_or(zkq::kNoServer))},
                 {"epoch", absl::StrCat(s.epoch)},
                 {"leads", Bool(s.leads.has_value())},
                 {"last_logged", Text(ToString(s.last_logged))},
                 {"last_committed", Text(ToString(s.last_committed))},
                 {"last_applied", Text(ToString(s.last_applied))},
                 {"last_snapshot", Text(ToString(s.last_snapshot))},
                 {"staleness_us", Micros(s.staleness)},
                 {"transactions_behind", absl::StrCat(s.transactions_behind)},
                 {"ensemble", Text(ToString(s.ensemble))},
                 {"listen_address", Text(s.listen_address)},
                 {"outstanding_bytes", absl::StrCat(s.outstanding_bytes)},
                 {"last_sync_us", Micros(s.last_sync_latency)},
                 {"ready", Text(s.ready.ok() ? "OK" : Words(s.ready))},
                 {"health", Text(s.health.ok() ? "OK" : Words(s.health))},
                 {"halted", Bool(s.halted)},
                 {"changing", Bool(s.changing)},
                 {"membership", Json(s.membership)},
                 {"links", Array(links)}});
}

std::string StatusJson(const std::vector<Answer>& answers) {
  std::vector<std::string> servers;
  for (const auto& [address, answer] : answers) {
    servers.push_back(
        answer.ok() ? Json(address, *answer)
                    : Object({{"server", Text(address)}, {"error", Text(Words(answer.status()))}}));
  }
  return Object({{"servers", Array(servers)}}) + "\n";
}

}  // namespace

std::string Words(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message());
}

std::string StatusText(const std::vector<Answer>& answers, Output output) {
  return output == Output::kJson ? StatusJson(answers) : StatusTable(answers);
}

std::string MembersText(const Membership& membership, Output output) {
  return output == Output::kJson ? Json(membership) + "\n" : MembersTable(membership);
}

std::string AnswerText(bool yes, const std::string& why, Output output) {
  if (output == Output::kJson) return Object({{"answer", Bool(yes)}, {"why", Text(why)}}) + "\n";
  return yes ? "yes\n" : absl::StrCat("no: ", why, "\n");
}

std::string DryRunText(const Membership& next, const absl::Status& decides, Output output) {
  const std::string why = decides.ok() ? "" : std::string(decides.message());
  if (output == Output::kJson) {
    return Object({{"next", Json(next)}, {"decides_now", Bool(decides.ok())}, {"why", Text(why)}}) +
           "\n";
  }
  return absl::StrCat("would become\n", MembersTable(next),
                      decides.ok() ? "and could decide at once\n"
                                   : absl::StrCat("and could not decide yet: ", why, "\n"));
}

}  // namespace ctl
