#include "status_text.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"

namespace kv {
namespace {

constexpr size_t kWidth = 100;
constexpr size_t kGap = 2;  // between columns

// `text`, broken between words, each further line begun with `indent` spaces.
std::string Wrapped(const std::string& text, size_t indent) {
  std::string wrapped;
  size_t column = indent;
  for (const std::string& word : std::vector<std::string>(absl::StrSplit(text, ' '))) {
    if (!wrapped.empty() && column + 1 + word.size() > kWidth) {
      wrapped += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!wrapped.empty()) {
      wrapped += ' ';
      ++column;
    }
    wrapped += word;
    column += word.size();
  }
  return wrapped;
}

using Row = std::vector<std::string>;

// A column is as wide as its widest cell. The last cell of a row takes what room there is.
std::string Columns(const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i + 1 < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    size_t column = 0;
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      text += row[i] + std::string(widths[i] - row[i].size() + kGap, ' ');
      column += widths[i] + kGap;
    }
    text += Wrapped(row.back(), column) + "\n";
  }
  return text;
}

std::string Text(const pb::Zxid& zxid) { return absl::StrCat(zxid.epoch(), ":", zxid.counter()); }

// In two or three digits.
std::string Text(const google::protobuf::Duration& proto) {
  const absl::Duration duration = absl::Seconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
  absl::Duration unit = absl::Seconds(1);
  while (unit > absl::Microseconds(1) && duration < 10 * unit) unit /= 10;
  return absl::FormatDuration(absl::Trunc(duration, unit));
}

std::string Role(const pb::StatusResponse& status) {
  if (status.leads() != 0) return "leads";
  if (status.leader() == 0 || status.leader() == status.sid()) return status.role();
  return absl::StrCat(status.role(), " ", status.leader());
}

Row ServerRow(const pb::StatusReport::Server& server) {
  if (!server.has_status()) return {server.address(), "does not answer: " + server.error()};
  const pb::StatusResponse& status = server.status();
  return {server.address(),
          absl::StrCat(status.sid()),
          Role(status),
          absl::StrCat(status.epoch()),
          Text(status.logged()),
          Text(status.committed()),
          Text(status.applied()),
          absl::StrCat(status.transactions_behind()),
          status.has_staleness() ? Text(status.staleness()) : "-",
          status.ready() == "OK" ? "yes" : "no"};
}

Row LinkRow(uint64_t from, const pb::LinkStatus& link) {
  Row row = {absl::StrCat(from, " to ", link.sid(), link.type() == "observer" ? " (observer)" : ""),
             link.up() ? "up" : "down", Text(link.since())};
  if (!link.up()) {
    row.push_back(link.error().empty() ? "not tried yet" : link.error());
    return row;
  }
  row.push_back(link.has_round_trip() ? Text(link.round_trip()) : "-");
  if (!link.has_durable()) return row;  // only a leader knows the rest
  row.insert(row.end(),
             {Text(link.durable()), Text(link.applied()), absl::StrCat(link.transactions_behind()),
              absl::StrCat(link.bytes_behind()), link.caught_up() ? "yes" : "no"});
  return row;
}

// What has no column.
std::vector<Row> DetailRows(const pb::StatusResponse& status) {
  const std::string sid = absl::StrCat(status.sid());
  std::vector<Row> rows = {
      {sid, absl::StrCat(status.standing(), " in ", status.phase(), " at ", status.listen_address(),
                         ", snapshot ", Text(status.snapshot()), ", last sync ",
                         Text(status.last_sync_latency()), ", calls of ",
                         status.outstanding_bytes(), " B")}};
  if (status.halted()) rows.push_back({sid, "halted: takes no part until it is started anew"});
  if (status.ready() != "OK") rows.push_back({sid, "not ready: " + status.ready()});
  if (status.health() != "OK") rows.push_back({sid, "health: " + status.health()});
  return rows;
}

std::string Membership(const pb::StatusResponse& status) {
  return absl::StrCat("members ", Text(status.membership_version()), " of ",
                      status.ensemble().empty() ? "no ensemble yet" : status.ensemble(), ": ",
                      absl::StrJoin(status.members(), ", "));
}

}  // namespace

std::string StatusTable(const pb::StatusReport& report) {
  std::vector<Row> servers = {{"SERVER", "ID", "ROLE", "EPOCH", "LOGGED", "COMMITTED", "APPLIED",
                               "BEHIND", "STALE", "READY"}};
  std::vector<Row> links = {
      {"LINK", "STATE", "FOR", "ROUND TRIP", "DURABLE", "APPLIED", "BEHIND", "BYTES", "CAUGHT UP"}};
  std::vector<Row> details;
  std::set<std::string> memberships;
  for (const pb::StatusReport::Server& server : report.servers()) {
    servers.push_back(ServerRow(server));
    if (!server.has_status()) continue;
    for (const pb::LinkStatus& link : server.status().links()) {
      links.push_back(LinkRow(server.status().sid(), link));
    }
    for (Row& row : DetailRows(server.status())) details.push_back(std::move(row));
    memberships.insert(Membership(server.status()));
  }
  std::string table = Columns(servers);
  if (links.size() > 1) table += "\n" + Columns(links);
  if (!details.empty()) table += "\n" + Columns(details) + "\n";
  for (const std::string& membership : memberships) table += Wrapped(membership, 0) + "\n";
  return table;
}

std::string StatusLines(const pb::StatusReport& report) {
  std::string lines;
  for (const pb::StatusReport::Server& server : report.servers()) {
    if (!server.has_status()) {
      absl::StrAppend(&lines, server.address(), " unreachable: ", server.error(), "\n");
      continue;
    }
    const pb::StatusResponse& status = server.status();
    absl::StrAppend(&lines, server.address(), " sid=", status.sid(), " role=", status.role(),
                    " leader=", status.leader(), " epoch=", status.epoch());
    absl::StrAppend(&lines, " committed=", Text(status.committed()),
                    " applied=", Text(status.applied()), " logged=", Text(status.logged()),
                    " snapshot=", Text(status.snapshot()), status.amnesic() ? " amnesic" : "");
    absl::StrAppend(&lines, " leads=", status.leads(), " standing=", status.standing(),
                    " phase=", status.phase(), " behind=", status.transactions_behind());
    if (status.has_staleness()) absl::StrAppend(&lines, " staleness=", Text(status.staleness()));
    absl::StrAppend(&lines, " ready=", status.ready() == "OK" ? "yes" : "no",
                    " health=", status.health(), "\n");
  }
  return lines;
}

std::string StatusJson(const pb::StatusReport& report, bool one_line) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = !one_line;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  // Of a message of known type, printing does not fail.
  (void)google::protobuf::util::MessageToJsonString(report, &json, options);
  if (one_line) json += '\n';
  return json;
}

}  // namespace kv
