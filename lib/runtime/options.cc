#include "lib/runtime/options.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/absl/string_view.h"
#include "lib/base/host_port.h"
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

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return MakeError(absl::StatusCode::kInvalidArgument, FromAbsl(absl::StrCat(parts...)));
}

absl::Status CheckMember(const Member& member) {
  if (!IsServerId(member.id)) {
    return Invalid("members: id ", ToInt(member.id), " is not from 1 to 2^63-1");
  }
  const auto not_served = [&](const auto&... what) {
    return Invalid("members: server ", ToInt(member.id), what..., " is not served yet");
  };
  if (member.type == MemberType::kObserver) return not_served(": an observer");
  if (member.weight != 1) return not_served(": weight ", member.weight);
  if (member.group != 0) return not_served(": group ", member.group);
  if (member.priority != 1) return not_served(": priority ", member.priority);
  return absl::OkStatus();
}

absl::Status CheckMembers(const ReplicaOptions& options) {
  std::set<ServerId> ids;
  std::set<std::string> addresses;
  for (const Member& member : options.members) {
    if (absl::Status s = CheckMember(member); !s.ok()) return s;
    if (!ids.insert(member.id).second) {
      return Invalid("members: server ", ToInt(member.id), " is listed twice");
    }
    const std::string_view why =
        options.transport == nullptr ? WhyNotDialled(member.address) : std::string_view();
    if (!why.empty()) {
      return Invalid("members: server ", ToInt(member.id), " at \"", member.address,
                     "\": ", ToAbsl(why));
    }
    // A transport of the host's own may read addresses in its own way.
    const std::string place =
        options.transport == nullptr ? PlainSpelling(member.address) : member.address;
    if (!place.empty() && !addresses.insert(place).second) {
      return Invalid("members: ", member.address, " is the address of two servers");
    }
  }
  if (!ids.contains(options.id)) {
    return Invalid("members: this server, id ", ToInt(options.id), ", is not listed");
  }
  return absl::OkStatus();
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
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckOptions(const ReplicaOptions& options) {
  if (!IsServerId(options.id)) {
    return Invalid("id: ", ToInt(options.id), " is not from 1 to 2^63-1");
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
