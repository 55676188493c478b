#include "lib/runtime/options.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/absl/string_view.h"
#include "lib/base/host_port.h"
#include "lib/base/member_lists.h"
#include "lib/base/server_id.h"
#include "lib/runtime/calls.h"
#include "zkq/status.h"

namespace zkq::runtime {
namespace {

constexpr size_t kCommandBytesMax = 64 << 20;
// More would not fit into the queue to the leader: the link would end, and the calls with it.
constexpr size_t kOutstandingBytesMax = kCommandBytesMax + Calls::kCallBytes;
constexpr int kLimitTicksMax = 1'000'000;
constexpr uint64_t kSegmentBytesMax = uint64_t{1} << 40;
constexpr uint32_t kUnlistedMax = 1024;

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return MakeError(absl::StatusCode::kInvalidArgument, FromAbsl(absl::StrCat(parts...)));
}

std::string WhatIsWrongWith(const std::vector<Member>& members, bool shipped_transport) {
  // A transport of the host's own may know servers by their ids.
  const bool by_ids = !shipped_transport &&
                      std::all_of(members.begin(), members.end(),
                                  [](const Member& member) { return member.address.empty(); });
  return by_ids ? WhatIsWrongBesideAddresses(members) : WhatIsWrong(members);
}

absl::Status CheckMembers(const ReplicaOptions& options) {
  const bool shipped_transport = options.transport == nullptr;
  const std::string wrong = WhatIsWrongWith(options.members, shipped_transport);
  if (!wrong.empty()) return Invalid("members: ", ToAbsl(wrong));
  bool listed = options.id == kNoServer;
  for (const Member& member : options.members) {
    listed = listed || member.id == options.id;
    const std::string_view why =
        shipped_transport ? WhyNotDialled(member.address) : std::string_view();
    if (why.empty()) continue;
    return Invalid("members: server ", ToInt(member.id), " at \"", member.address,
                   "\": ", ToAbsl(why));
  }
  if (listed) return absl::OkStatus();
  return Invalid("members: this server, id ", ToInt(options.id), ", is not listed");
}

absl::Status CheckTimes(const ReplicaOptions& o) {
  if (o.tick < absl::Milliseconds(1) || o.tick > absl::Hours(1)) {
    return Invalid("tick: ", absl::FormatDuration(o.tick), " is not from 1ms to 1h");
  }
  for (const auto& [name, ticks] :
       {std::pair("init_limit", o.init_limit), std::pair("sync_limit", o.sync_limit)}) {
    if (ticks >= 1 && ticks <= kLimitTicksMax) continue;
    return Invalid(name, ": ", ticks, " is not from 1 to ", kLimitTicksMax, " ticks");
  }
  if (o.finalize_wait < absl::ZeroDuration() || o.finalize_wait > absl::Hours(1)) {
    return Invalid("finalize_wait: ", absl::FormatDuration(o.finalize_wait),
                   " is not from 0 to 1h");
  }
  return absl::OkStatus();
}

absl::Status CheckSizes(const ReplicaOptions& o) {
  if (o.max_command_bytes < 1 || o.max_command_bytes > kCommandBytesMax) {
    return Invalid("max_command_bytes: ", o.max_command_bytes, " is not from 1 to ",
                   kCommandBytesMax);
  }
  if (o.max_outstanding_bytes < o.max_command_bytes + Calls::kCallBytes) {
    return Invalid("max_outstanding_bytes: ", o.max_outstanding_bytes,
                   " leaves no room for a command of max_command_bytes, ", o.max_command_bytes,
                   ", and ", Calls::kCallBytes, " bytes a call");
  }
  if (o.max_outstanding_bytes > kOutstandingBytesMax) {
    return Invalid("max_outstanding_bytes: ", o.max_outstanding_bytes, " is above ",
                   kOutstandingBytesMax);
  }
  if (o.retain_snapshots < 1)
    return Invalid("retain_snapshots: ", o.retain_snapshots, " is not 1 or more");
  if (o.log_segment_bytes < 1 || o.log_segment_bytes > kSegmentBytesMax) {
    return Invalid("log_segment_bytes: ", o.log_segment_bytes, " is not from 1 to ",
                   kSegmentBytesMax);
  }
  if (o.window_bytes < 1) return Invalid("window_bytes: 0");
  if (o.max_unlisted > kUnlistedMax) {
    return Invalid("max_unlisted: ", o.max_unlisted, " is above ", kUnlistedMax);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckOptions(const ReplicaOptions& options) {
  if (options.id != kNoServer && !CanBeListed(options.id)) {
    return Invalid("id: ", ToInt(options.id), " is not from 1 to 2^62-1");
  }
  if (options.data_dir.empty()) return Invalid("data_dir: \"\"");
  if (options.transport == nullptr && !options.listen_address.empty() &&
      !ReadHostPort(options.listen_address)) {
    return Invalid("listen_address: \"", options.listen_address, "\" is not host:port");
  }
  if (options.election != nullptr && options.election->name().size() > kElectionNameMax) {
    return Invalid("election: its name has more than ", kElectionNameMax, " bytes");
  }
  if (options.env.executor != nullptr && options.env.executor == options.env.blocking_executor) {
    return Invalid(
        "env: executor and blocking_executor are one: disk and user code would hold up "
        "heartbeats");
  }
  if (absl::Status s = CheckTimes(options); !s.ok()) return s;
  if (absl::Status s = CheckSizes(options); !s.ok()) return s;
  return CheckMembers(options);
}

}  // namespace zkq::runtime
