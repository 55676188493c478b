// Peer, as it is seen from outside: its role, what Status tells, and what invariants.h checks.
#include <algorithm>

#include "lib/core/peer_impl.h"

namespace zkq::core {

void Peer::Impl::Report(const Role& now) {
  if (reported_ == now) return;
  reported_ = now;
  self_.Emit(RoleChanged{now});
}

Role Peer::Impl::role() const {
  Role now{.epoch = self_.state.current};
  if (Founded()) {
    now.standing = self_.standing();
    now.amnesic = self_.memberships.ListsOtherDisk(self_.options.self, self_.state.disk);
  }
  if (const auto* learning = std::get_if<Learning>(&role_)) {
    now.state = learning->observes() ? PeerState::kObserving : PeerState::kFollowing;
    now.phase = learning->phase();
    if (learning->serving()) now.leader = learning->leader();
    if (learning->epoch() != 0) now.epoch = learning->epoch();
  }
  if (const auto* leading = std::get_if<Leading>(&role_)) {
    now.state = PeerState::kLeading;
    now.phase = leading->phase();
    if (leading->serving()) now.leader = self_.options.self;
    if (leading->epoch() != 0) now.epoch = leading->epoch();
  }
  return now;
}

Marks Peer::Impl::TakeMarks(const Role& now) const {
  Marks marks{.epoch = now.epoch,
              .established = marks_.established,
              .state = now.state,
              .phase = now.phase,
              .serving = now.leader != kNoServer};
  if (marks.serving) marks.established = now.epoch;
  self_.Mark(&marks);
  if (const auto* learning = std::get_if<Learning>(&role_)) learning->Mark(&marks);
  if (const auto* leading = std::get_if<Leading>(&role_)) leading->Mark(&marks);
  return marks;
}

Peer::View Peer::Impl::view() const {
  const auto* leading = std::get_if<Leading>(&role_);
  const auto* learning = std::get_if<Learning>(&role_);
  const Time ready_within = learning != nullptr
                                ? learning->ready_within()
                                : self_.Ticks(std::max(self_.options.sync_limit, kFreshTicks));
  View view{
      .role = role(),
      .last = self_.history.last(),
      .durable = self_.history.durable(),
      .commit = self_.watermarks.commit,
      .before_epoch = self_.history.epochs().LastBefore(role().epoch),
      .pinned_after = leading != nullptr ? leading->PinnedAfter() : self_.history.last(),
      .behind = self_.history.epochs().Count(self_.watermarks.applied, self_.watermarks.commit),
      .as_of = self_.freshness.as_of(),
      .ready_within = LimitOfDisk(ready_within, self_.disk.slowest()),
      .founded_within = self_.Ticks(self_.options.init_limit),
      .config_changes = self_.memberships.changes() + self_.memberships.told_changes(),
      .changing = self_.memberships.configs().pending || !self_.memberships.settled(),
      .ensemble = self_.state.ensemble};
  AddWorries(&view);
  return view;
}

void Peer::Impl::AddWorries(View* view) const {
  const Time sync_limit = self_.Ticks(self_.options.sync_limit);
  if (IsSlow(sync_limit, self_.disk.usual())) view->disk_slow = self_.disk.usual();
  const Time still = self_.disk.StandsStill(self_.now);
  if (!self_.Drained() && still >= LimitOfDisk(sync_limit, self_.disk.slowest())) {
    view->disk_hangs = still;
  }
  const auto* learning = std::get_if<Learning>(&role_);
  if (learning != nullptr) view->clock_off = self_.ClockOff(learning->leader());
}

std::vector<Peer::Learner> Peer::Impl::learners() const {
  const auto* leading = std::get_if<Leading>(&role_);
  return leading != nullptr ? leading->learners() : std::vector<Learner>();
}

std::vector<Peer::Difference> Peer::Impl::differences() const {
  const auto* founding = std::get_if<Founding>(&role_);
  return founding != nullptr ? founding->differences() : std::vector<Difference>();
}

size_t Peer::Impl::room() const {
  if (const auto* learning = std::get_if<Learning>(&role_)) return learning->room();
  const auto* leading = std::get_if<Leading>(&role_);
  return leading != nullptr ? leading->room() : 0;
}

}  // namespace zkq::core
