#include "zkq/reconfiguration.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/member_lists.h"
#include "lib/base/texts.h"
#include "lib/runtime/replica_impl.h"
#include "lib/wire/disk.h"
#include "zkq/status.h"

namespace zkq {
namespace {

// Why `member` would not count if others were stopped; empty: it would. The leader counts, it
// has all there is.
std::string WhyNotCounted(const ReplicaStatus& leader, const Member& member) {
  if (member.id == leader.id) return {};
  const auto link = std::find_if(leader.links.begin(), leader.links.end(),
                                 [&](const LinkStatus& l) { return l.id == member.id; });
  if (link == leader.links.end() || !link->up) return "is down";
  if (link->standing != Standing::kMember) return "is there with another disk than the listed one";
  if (link->type != MemberType::kParticipant) return "is an observer still";
  return link->caught_up ? "" : "is not caught up";
}

Replica::Impl::Asked ChangeTo(Membership next, const CallOptions& options) {
  std::sort(next.members.begin(), next.members.end());
  std::string text = EncodeMembership(next);  // counts as those of other calls
  return {.kind = runtime::Calls::Kind::kChange,
          .text = std::move(text),
          .timeout = options.timeout,
          .next = std::move(next)};
}

// An id that is there twice cannot even be encoded.
bool CanBeSent(const Membership& next) {
  std::set<ServerId> ids;
  for (const Member& member : next.members) ids.insert(member.id);
  return !ids.empty() && !ids.contains(kNoServer) && ids.size() == next.members.size();
}

absl::StatusOr<Membership> MembershipOf(absl::StatusOr<Reply> reply) {
  if (!reply.ok()) return std::move(reply).status();
  return DecodeMembership(reply->value).value_or(Membership{});
}

std::string SetText(const std::vector<ServerId>& ids) {
  std::string text;
  for (const ServerId sid : ids) text += (text.empty() ? "" : ",") + ToString(sid);
  return "{" + text + "}";
}

// The voters that are left, and of them those that count.
struct Left {
  std::vector<ServerId> all = {};
  std::vector<ServerId> counted = {};
  std::vector<ServerId> missing = {};
  std::string reasons = {};  // "2 is down, 4 is not caught up"
};

Left LeftWithout(const ReplicaStatus& leader, const std::set<ServerId>& stopped) {
  Left left;
  for (const Member& member : leader.membership.members) {
    if (member.type != MemberType::kParticipant || stopped.contains(member.id)) continue;
    left.all.push_back(member.id);
    const std::string why = WhyNotCounted(leader, member);
    (why.empty() ? left.counted : left.missing).push_back(member.id);
    if (why.empty()) continue;
    left.reasons += (left.reasons.empty() ? "" : ", ") + ToString(member.id) + " " + why;
  }
  return left;
}

}  // namespace

inline namespace v1 {

absl::Status CheckMembership(const Membership& membership) {
  const std::string wrong = WhatIsWrong(membership.members);
  if (wrong.empty()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInvalidArgument, wrong);
}

absl::Status CheckStop(const ReplicaStatus& leader, const std::vector<ServerId>& stopped) {
  if (!leader.leads) {
    return MakeError(absl::StatusCode::kUnavailable,
                     "server " + ToString(leader.id) + " does not lead: it cannot tell who is up",
                     {.leader = leader.leader});
  }
  if (leader.changing) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     "a change of the configuration is under way: until it is settled, those that "
                     "it leaves out may be needed");
  }
  const std::set<ServerId> ids(stopped.begin(), stopped.end());
  const Left left = LeftWithout(leader, ids);
  if (IsQuorum(leader.membership, left.counted)) return absl::OkStatus();
  const std::string verb = left.counted.size() > 1 ? " are up" : " is up";
  const std::string without = ids.empty() ? "" : "without " + ServersText(ids) + ", ";
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   without + SetText(left.counted) + " of " + SetText(left.all) + verb + ": " +
                       (left.missing.empty() ? "too few of the ensemble" : left.reasons),
                   {.servers = left.missing});
}

absl::Status Replica::Impl::Objection(const Membership& next) const {
  if (!CanBeSent(next)) return CheckMembership(next);
  if (node->address_check() == nullptr) return absl::OkStatus();
  for (const Member& member : next.members) {
    const std::string_view why = node->address_check()(member.address);
    if (why.empty()) continue;
    return MakeError(
        absl::StatusCode::kInvalidArgument,
        "server " + ToString(member.id) + " at \"" + member.address + "\": " + std::string(why));
  }
  return absl::OkStatus();
}

void Replica::Impl::Reconfigure(Membership next, const CallOptions& options,
                                Callback<Membership> done) {
  runtime::Caller caller;
  if (done != nullptr) {
    caller.done = [done = std::move(done)](absl::StatusOr<Reply> reply) mutable {
      std::move(done)(MembershipOf(std::move(reply)));
    };
  }
  if (absl::Status s = Objection(next); !s.ok()) {
    return node->calls().Refuse(std::move(s), std::move(caller));
  }
  Take(ChangeTo(std::move(next), options), std::move(caller));
}

absl::StatusOr<Membership> Replica::Impl::Reconfigure(Membership next, const CallOptions& options) {
  if (absl::Status s = Objection(next); !s.ok()) return s;
  return MembershipOf(Await(ChangeTo(std::move(next), options), "Reconfigure"));
}

void Reconfigure(Replica& replica, Membership next, const CallOptions& options,
                 Replica::Callback<Membership> done) {
  replica.impl().Reconfigure(std::move(next), options, std::move(done));
}

absl::StatusOr<Membership> Reconfigure(Replica& replica, Membership next,
                                       const CallOptions& options) {
  return replica.impl().Reconfigure(std::move(next), options);
}

}  // namespace v1
}  // namespace zkq
