#include "zkq/replica_status.h"

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "lib/base/absl/string_view.h"

namespace zkq {
inline namespace v1 {

std::string ToString(const ReplicaStatus& status) {
  std::string line = "server=" + ToString(status.id);
  const auto add = [&line](std::string_view name, std::string_view value) {
    absl::StrAppend(&line, " ", ToAbsl(name), "=", ToAbsl(value));
  };
  const auto add_zxid = [&add](std::string_view name, Zxid zxid) {
    if (zxid != Zxid{}) add(name, ToString(zxid));
  };
  const auto add_links = [&](std::string_view name, bool up) {
    std::string ids;
    for (const LinkStatus& link : status.links) {
      if (link.up == up) absl::StrAppend(&ids, ids.empty() ? "" : ",", ToAbsl(ToString(link.id)));
    }
    if (!ids.empty()) add(name, ids);
  };
  add("standing", ToString(status.standing));
  add("state", ToString(status.state));
  add("phase", ToString(status.phase));
  if (status.leader) add("leader", ToString(*status.leader));
  if (status.epoch != 0) add("epoch", std::to_string(status.epoch));
  if (status.leads) line += " leads";
  add_zxid("logged", status.last_logged);
  add_zxid("committed", status.last_committed);
  add_zxid("applied", status.last_applied);
  add_zxid("snapshot", status.last_snapshot);
  if (status.staleness != absl::InfiniteDuration()) {
    add("staleness", absl::FormatDuration(absl::Trunc(status.staleness, absl::Milliseconds(1))));
  }
  if (status.transactions_behind > 0) add("behind", std::to_string(status.transactions_behind));
  add_links("linked", /*up=*/true);
  add_links("unlinked", /*up=*/false);
  if (!status.listen_address.empty()) add("listen", status.listen_address);
  if (status.halted) line += " halted";
  if (!status.ready.ok()) add("ready", status.ready.ToString());
  add("health", status.health.ToString());
  return line;
}

}  // namespace v1
}  // namespace zkq
