#include "lib/runtime/facts.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "zkq/status.h"

namespace zkq::runtime {
namespace {

using Code = absl::StatusCode;

// The strands tell by turns: what is applied may be known before the sum is made anew.
uint64_t Behind(const Facts& facts) {
  const Zxid commit = facts.view.commit;
  if (facts.applied >= commit) return 0;
  return facts.applied.epoch == commit.epoch ? commit.counter - facts.applied.counter
                                             : facts.view.behind;
}

// `member`: how it is listed; null: not. `learner`: what this leader knows of it; null: nothing. A
// transport lists those of a pending configuration, too, who are no members yet.
Standing StandingOf(const LinkState& link, const Member* member,
                    const core::Peer::Learner* learner) {
  if (member == nullptr) return link.id > kServerIdMax ? Standing::kUnlisted : Standing::kJoining;
  if (!link.up) return Standing::kMember;
  const bool votes = member->type == MemberType::kParticipant;
  const bool other_disk = votes && learner != nullptr && learner->disk != member->disk;
  return link.listed && !other_disk ? Standing::kMember : Standing::kJoining;
}

LinkStatus LinkStatusOf(const LinkState& link, const Around& around, absl::Duration now) {
  LinkStatus status{.id = link.id,
                    .up = link.up,
                    .since = now - link.since,
                    .error = link.error,
                    .round_trip = link.round_trip.value_or(absl::InfiniteDuration())};
  const auto learner =
      std::find_if(around.learners.begin(), around.learners.end(),
                   [&](const core::Peer::Learner& one) { return one.sid == link.id; });
  const bool learns = learner != around.learners.end();
  const Member* const member = FindMember(around.membership, link.id);
  status.standing = StandingOf(link, member, learns ? &*learner : nullptr);
  if (member != nullptr) status.type = member->type;
  if (status.standing == Standing::kUnlisted) status.type = MemberType::kObserver;
  if (!learns) return status;
  status.type = learner->observes ? MemberType::kObserver : MemberType::kParticipant;
  status.durable = learner->durable;
  status.applied = learner->applied;
  status.transactions_behind = learner->behind;
  status.bytes_behind = learner->bytes_behind;
  status.caught_up = learner->caught_up;
  return status;
}

// What a round of pings confirms is two ways old when it is told.
absl::Duration ReadyWithin(const Facts& facts) {
  absl::Duration limit = absl::Microseconds(facts.view.ready_within.count());
  for (const LinkState& link : facts.around->links) {
    if (link.up && link.id == facts.leader())
      limit += 2 * link.round_trip.value_or(absl::ZeroDuration());
  }
  return limit;
}

}  // namespace

std::optional<ServerId> Facts::leader() const {
  if (view.role.leader == kNoServer) return std::nullopt;
  return view.role.leader;
}

std::optional<Epoch> Facts::leads() const {
  if (leader() != self || applied < view.before_epoch) return std::nullopt;
  return view.role.epoch;
}

namespace {

// Why a server that is not listed, with this disk, gets no traffic; empty: it is, or observes
// without being listed. A rolling restart has to stop there, and clients to leave one that was
// removed.
std::string WhyNoMember(const Facts& facts) {
  switch (facts.view.role.standing) {
    case Standing::kJoining:
      return "no member: `zkqctl add " + ToString(facts.self) + "=ADDRESS` lists it";
    case Standing::kRemoved:
      return "no member any more: the configuration has left it out; it may be stopped once that "
             "change is done";
    default:
      return "";
  }
}

}  // namespace

absl::Status ReadyOf(const Facts& facts, absl::Duration now) {
  if (facts.halted()) return HealthOf(facts, now);
  if (facts.shutting_down) {
    return MakeError(Code::kUnavailable, "the replica shuts down",
                     {.outcome = Outcome::kNotCommitted});
  }
  if (facts.view.role.amnesic) return HealthOf(facts, now);
  if (const std::string why = WhyNoMember(facts); !why.empty()) {
    return MakeError(Code::kUnavailable, why, {.outcome = Outcome::kNotCommitted});
  }
  const absl::Duration staleness = now - facts.as_of;
  if (staleness <= ReadyWithin(facts)) return absl::OkStatus();
  std::string why = "no leader is established";
  if (facts.view.role.standing == Standing::kUnfounded) {
    why = "the ensemble is not founded yet";
  } else if (facts.restoring != Zxid{}) {
    why = absl::StrCat("a snapshot is restored, at ", ToString(facts.restoring));
  } else if (facts.view.role.phase == ZabPhase::kSynchronization) {
    why = "a leader is elected, and synchronisation goes on";
  } else if (Behind(facts) > 0) {
    why = absl::StrCat(Behind(facts), " transactions are not applied yet");
  } else if (facts.leader()) {
    why = absl::StrCat("leader ", ToString(*facts.leader()),
                       staleness == absl::InfiniteDuration() ? " has confirmed nothing yet"
                                                             : " has not confirmed since");
  }
  if (staleness != absl::InfiniteDuration()) {
    absl::StrAppend(&why, "; stale by ",
                    absl::FormatDuration(absl::Trunc(staleness, absl::Milliseconds(1))));
  }
  return MakeError(Code::kUnavailable, why, {.outcome = Outcome::kNotCommitted});
}

ReplicaStatus StatusOf(const Facts& facts, absl::Duration now) {
  const core::Peer::View& view = facts.view;
  ReplicaStatus status{.id = facts.self,
                       .state = view.role.state,
                       .phase = view.role.phase,
                       .standing = view.role.standing,
                       .leader = facts.leader(),
                       .epoch = view.role.epoch,
                       .leads = facts.leads(),
                       .last_logged = view.durable,
                       // Two parts tell the two: what is applied may be known before it is
                       // known that it was committed.
                       .last_committed = std::max(view.commit, facts.applied),
                       .last_applied = facts.applied,
                       .last_snapshot = facts.snapshot,
                       .staleness = now - facts.as_of,
                       .transactions_behind = Behind(facts),
                       .membership = facts.around->membership,
                       .changing = facts.leads().has_value() && facts.around->changing,
                       .ensemble = view.ensemble,
                       .listen_address = facts.around->listen_address,
                       .last_sync_latency = facts.sync_latency,
                       .ready = ReadyOf(facts, now),
                       .health = HealthOf(facts, now),
                       .halted = facts.halted()};
  for (const LinkState& link : facts.around->links) {
    if (link.id == facts.self) continue;
    status.links.push_back(LinkStatusOf(link, *facts.around, now));
    if (status.standing == Standing::kUnfounded) {
      status.links.back().standing = Standing::kUnfounded;
    }
  }
  return status;
}

}  // namespace zkq::runtime
