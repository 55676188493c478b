#include "lib/testing/cluster/judges.h"

#include <algorithm>
#include <utility>

namespace zkq::testing {

void Judges::Observe(SimObservers* observers) {
  observers->Add(&invariants_);
  observers->Add(&elections_);
  observers->Add(&leader_times_);
  observers->Add(&staleness_);
  observers->Add(&led_);
}

void Judges::Report(std::string property, std::string what) {
  if (!violation()) reported_ = {std::move(property), std::move(what)};
}

const std::optional<Violation>& Judges::violation() const {
  if (reported_) return reported_;
  if (invariants_.violation()) return invariants_.violation();
  if (elections_.violation()) return elections_.violation();
  return leader_times_.violation() ? leader_times_.violation() : staleness_.violation();
}

bool Judges::HasItsId(ServerId place) {
  if (!places_.HasTwin(place)) return true;
  const Membership now = invariants_.membership();
  const Member* const member = FindMember(now, SeatOf(place));
  return member != nullptr && member->type == MemberType::kParticipant &&
         member->disk == invariants_.disk(place);
}

void Judges::Look() {
  constexpr absl::Duration kLook = absl::Milliseconds(100);
  const absl::Duration now = shared_.scheduler->now();
  if (now < looks_at_) return;
  looks_at_ = now + kLook;
  const Statuses statuses = places_.StatusesOfAll();
  // One that applies nothing has no news, and may yet say that it is fresh.
  for (const auto& [place, status] : statuses) staleness_.OnStatus(place, status);
  const LedChecker::View view = WhoCanLead(statuses);
  slowest_sync_ = std::max(slowest_sync_, view.sync);
  if (auto violation = led_.OnLook(view, now)) {
    Report(std::move(violation->property), std::move(violation->what));
  }
  CheckSilence();
  if (++looks_ % 10 == 0) CheckApplying();
}

LedChecker::View Judges::WhoCanLead(const Statuses& statuses) {
  LedChecker::View view{.changes = shared_.network->changes(), .leader = LeaderOf(statuses)};
  absl::Duration bears = absl::InfiniteDuration();
  for (const ServerId place : places_.all()) {
    SimServer::Impl& server = places_.at(place);
    if (!server.process.up()) continue;
    const absl::Duration sync = server.disk.sync_takes();
    view.tick = std::max(view.tick, server.process.limits().tick);
    view.sync = std::max(view.sync, sync);
    const ServerProcess::Limits& limits = server.process.limits();
    bears = std::min({bears, limits.silence, limits.handshake});
    if (server.disk.syncing_until() > shared_.scheduler->now()) view.syncing.insert(place);
    const ReplicaStatus& status = statuses.at(place);
    if (!server.calm() || status.halted || status.standing != Standing::kMember) continue;
    // Which of the two the others are linked with may change with what they know.
    if (places_.HasTwin(place)) continue;
    const bool serves = status.phase == ZabPhase::kBroadcast;
    view.voters[place] = {.life = server.process.life(),
                          .sync = sync,
                          .clock_set = server.clock->set_at(),
                          .history = invariants_.history(place),
                          .disk = invariants_.disk(place),
                          .configs = invariants_.configs(place),
                          .serves = serves ? status.leader : std::nullopt,
                          .epoch = status.epoch};
  }
  if (view.leader) view.epoch = statuses.at(*view.leader).epoch;
  for (const ServerId a : places_.all()) {
    for (const ServerId b : places_.all()) {
      if (a >= b) continue;
      const absl::Duration round_trip = shared_.network->round_trip(a, b);
      view.unfit |= bears <= round_trip && round_trip < absl::InfiniteDuration();
      for (const auto& path : {shared_.network->path(a, b), shared_.network->path(b, a)}) {
        view.unfit |= path.flips_one_in > 0 || path.largest < SimPath().largest;
      }
      if (round_trip >= bears) continue;
      view.links.emplace(a, b);
      view.round_trip = std::max(view.round_trip, round_trip);
    }
  }
  return view;
}

// Nothing, if it was set before a transaction may have been made that is sent only now.
std::optional<absl::Time> Judges::WallOf(ServerId place) const {
  SimClock& clock = *places_.at(place).clock;
  const absl::Duration late = absl::Seconds(10) + 8 * slowest_sync_;
  const bool settled = shared_.scheduler->now() - clock.wall_set_at() > late;
  return settled ? std::optional(clock.Wall()) : std::nullopt;
}

absl::Duration Judges::PacedSince(ServerId place) const {
  const SimClock& clock = *places_.at(place).clock;
  return clock.rate() == 1 ? clock.set_at() : absl::InfiniteDuration();
}

// Since when nothing of its network, of its peers, or of clocks is other than usual.
std::optional<absl::Duration> Judges::UsualSince(ServerId place) const {
  const absl::Duration longest = places_.at(place).process.limits().silence / 3;
  absl::Duration since = absl::ZeroDuration();
  for (const ServerId other : places_.all()) {
    const SimServer::Impl& server = places_.at(other);
    const bool near = place == other || shared_.network->round_trip(place, other) < longest;
    if (!near || !server.process.steady() || server.clock->rate() != 1) return std::nullopt;
    since = std::max(since, server.excuses.held_up_until());
  }
  return since;
}

void Judges::CheckSilence() {
  SilenceChecker::Stands stands;
  absl::Duration limit = absl::ZeroDuration();
  uint64_t changes = shared_.network->changes();
  for (const ServerId place : places_.all()) {
    const ServerProcess& process = places_.at(place).process;
    changes += process.life();
    if (!process.up()) continue;
    limit = std::max(limit, process.limits().silence);
    stands[place] = {.lost = shared_.network->counters(place).lost_by_silence,
                     .usual_since = UsualSince(place)};
  }
  auto lost = silence_.OnLook(stands, limit, changes, shared_.scheduler->now());
  if (lost) Report(std::move(lost->property), std::move(lost->what));
}

void Judges::CheckApplying() {
  for (const ServerId place : places_.all()) {
    SimServer::Impl& server = places_.at(place);
    if (!server.process.up()) {
      applying_.OnDown(place);
      continue;
    }
    const absl::Duration kept =
        std::max(server.excuses.held_up_until(), server.excuses.kept_from_applying_until());
    auto stuck =
        applying_.OnLook(place, server.process.replica().Status(), kept, shared_.scheduler->now());
    if (stuck) Report(std::move(stuck->property), std::move(stuck->what));
  }
}

}  // namespace zkq::testing
