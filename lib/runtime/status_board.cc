#include "lib/runtime/status_board.h"

#include <algorithm>
#include <utility>

namespace zkq::runtime {

StatusBoard::StatusBoard(ServerId self, bool may_found)
    : facts_{.self = self, .may_found = may_found}, published_(facts_) {}

template <typename Fn>
auto StatusBoard::Set(Fn change) {
  std::lock_guard lock(mutex_);
  if constexpr (std::is_void_v<decltype(change(facts_))>) {
    change(facts_);
    published_.Set(facts_);
  } else {
    auto result = change(facts_);
    published_.Set(facts_);
    return result;
  }
}

template <typename Fn>
void StatusBoard::SetAround(Fn change) {
  Set([&](Facts& facts) {
    auto around = std::make_shared<Around>(*facts.around);
    change(*around);
    facts.around = std::move(around);
  });
}

StatusBoard::Change StatusBoard::NoteChange(const Facts& before, absl::Duration now) {
  const core::Role& was = before.view.role;
  const core::Role& is = facts_.view.role;
  const bool ready = ReadyOf(facts_, now).ok();
  // It may have ceased to be without a word, as nothing but time went by.
  const bool lapsed = ready_ && !ReadyOf(before, now).ok();
  const Ailments ailments = AilmentsOf(facts_, now);
  const bool health = ailments != ailments_;
  if (health) NoteAilments(ailments, now);
  const std::optional<Epoch> leads = facts_.leads();
  const std::optional<Epoch> leads_before = std::exchange(leads_, leads);
  return {.role = was.state != is.state || was.phase != is.phase || was.amnesic != is.amnesic ||
                  was.standing != is.standing,
          .leader = was.leader != is.leader || was.epoch != is.epoch || leads != leads_before,
          .ready = std::exchange(ready_, ready) != ready || lapsed,
          .health = health};
}

void StatusBoard::NoteAilments(Ailments now_ill, absl::Duration now) {
  const Ailments begun = now_ill & ~std::exchange(ailments_, now_ill);
  auto around = std::make_shared<Around>(*facts_.around);
  for (size_t i = 0; i < kAilments; ++i) {
    if (begun[i]) around->ill_since[i] = now;
    if (!now_ill[i]) around->ill_since[i] = absl::InfiniteDuration();
  }
  facts_.around = std::move(around);
}

StatusBoard::Change StatusBoard::SetView(const core::Peer::View& view, absl::Duration as_of,
                                         absl::Duration now) {
  return Set([&](Facts& facts) {
    if (facts.halted()) return Change{};  // has left the protocol for good
    const Facts before = facts;
    facts.view = view;
    facts.as_of = as_of;
    facts.leaderless_since =
        facts.leader() ? absl::InfiniteDuration() : std::min(before.leaderless_since, now);
    return NoteChange(before, now);
  });
}

void StatusBoard::SetApplied(Zxid applied) {
  Set([&](Facts& facts) { facts.applied = applied; });
}

void StatusBoard::SetSnapshot(Zxid snapshot) {
  // One that was begun before another was installed may end after it.
  Set([&](Facts& facts) { facts.snapshot = std::max(facts.snapshot, snapshot); });
}

void StatusBoard::SetRestoring(Zxid snapshot) {
  Set([&](Facts& facts) { facts.restoring = snapshot; });
}

void StatusBoard::SetSyncLatency(absl::Duration latency) {
  Set([&](Facts& facts) { facts.sync_latency = latency; });
}

StatusBoard::Change StatusBoard::SetMembership(const Membership& membership, bool changing) {
  Change change;
  SetAround([&](Around& around) {
    change.membership = around.membership != membership || around.changing != changing;
    around.membership = membership;
    around.changing = changing;
  });
  return change;
}

void StatusBoard::SetListenAddress(std::string address) {
  SetAround([&](Around& around) { around.listen_address = std::move(address); });
}

void StatusBoard::SetOthers(std::vector<LinkState> links, std::vector<core::Peer::Learner> learners,
                            std::vector<core::Peer::Difference> differences) {
  SetAround([&](Around& around) {
    around.links = std::move(links);
    around.learners = std::move(learners);
    around.differences = std::move(differences);
  });
}

void StatusBoard::Leave(Facts* facts) {
  core::Role& role = facts->view.role;
  role.state = PeerState::kLooking;
  role.phase = ZabPhase::kElection;
  role.leader = kNoServer;
}

StatusBoard::Change StatusBoard::BeginShutdown(absl::Duration now) {
  return Set([&](Facts& facts) {
    const Facts before = facts;
    facts.shutting_down = true;
    return NoteChange(before, now);
  });
}

StatusBoard::Change StatusBoard::Leave(absl::Duration now) {
  return Set([&](Facts& facts) {
    const Facts before = facts;
    Leave(&facts);
    return NoteChange(before, now);
  });
}

std::optional<StatusBoard::Change> StatusBoard::SetHalted(absl::StatusCode code, std::string why,
                                                          absl::Duration now) {
  return Set([&](Facts& facts) -> std::optional<Change> {
    if (facts.halted()) return std::nullopt;
    const Facts before = facts;
    Leave(&facts);
    facts.halted_by = code;
    facts.halted_for = std::make_shared<const std::string>(std::move(why));
    return NoteChange(before, now);
  });
}

ReplicaStatus StatusBoard::Status(absl::Duration now) const {
  return published_.Read([now](const Facts& facts) { return StatusOf(facts, now); });
}

absl::Status StatusBoard::Ready(absl::Duration now) const {
  return published_.Read([now](const Facts& facts) { return ReadyOf(facts, now); });
}

absl::Status StatusBoard::Health(absl::Duration now) const {
  return published_.Read([now](const Facts& facts) { return HealthOf(facts, now); });
}

std::optional<ServerId> StatusBoard::leader() const {
  return published_.Read([](const Facts& facts) { return facts.leader(); });
}

bool StatusBoard::has_leader() const {
  return published_.Read([](const Facts& facts) {
    return facts.leader() && facts.view.role.phase == ZabPhase::kBroadcast;
  });
}

bool StatusBoard::looks() const {
  return published_.Read(
      [](const Facts& facts) { return facts.view.role.state == PeerState::kLooking; });
}

Membership StatusBoard::membership() const {
  return published_.Read([](const Facts& facts) { return facts.around->membership; });
}

EnsembleId StatusBoard::ensemble() const {
  return published_.Read([](const Facts& facts) { return facts.view.ensemble; });
}

StatusBoard::Ending StatusBoard::ending() const {
  return published_.Read([](const Facts& facts) {
    return facts.halted() ? Ending{facts.halted_by, *facts.halted_for} : Ending{};
  });
}

absl::Duration StatusBoard::as_of() const {
  return published_.Read([](const Facts& facts) { return facts.as_of; });
}

Zxid StatusBoard::pinned_after() const {
  return published_.Read([](const Facts& facts) { return facts.view.pinned_after; });
}

}  // namespace zkq::runtime
