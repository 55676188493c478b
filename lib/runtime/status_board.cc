#include "lib/runtime/status_board.h"

#include <algorithm>
#include <utility>

#include "zkq/status.h"

namespace zkq::runtime {
namespace {

std::optional<ServerId> Known(ServerId leader) {
  if (leader == kNoServer) return std::nullopt;
  return leader;
}

}  // namespace

StatusBoard::Change StatusBoard::SetView(const core::Peer::View& view, absl::Duration heard) {
  std::lock_guard lock(mutex_);
  if (ending_.code != absl::StatusCode::kOk) return {};  // has left the protocol for good
  const core::Role& role = view.role;
  const Change change{
      .role = status_.state != role.state || status_.phase != role.phase ||
              status_.amnesic != role.amnesic,
      .leader = status_.leader != Known(role.leader) || status_.epoch != role.epoch};
  status_.state = role.state;
  status_.phase = role.phase;
  status_.leader = Known(role.leader);
  status_.epoch = role.epoch;
  status_.amnesic = role.amnesic;
  status_.last_logged = view.durable;
  status_.last_committed = view.commit;
  status_.ensemble = view.ensemble;
  heard_ = heard;
  pinned_after_ = view.pinned_after;
  return change;
}

void StatusBoard::SetSnapshot(Zxid snapshot) {
  std::lock_guard lock(mutex_);
  // One that was begun before another was installed may end after it.
  status_.last_snapshot = std::max(status_.last_snapshot, snapshot);
}

std::optional<StatusBoard::Change> StatusBoard::SetHealth(absl::StatusCode code, std::string why) {
  std::lock_guard lock(mutex_);
  if (ending_.code != absl::StatusCode::kOk) return std::nullopt;
  ending_ = {code, std::move(why)};
  return LeaveLocked();
}

StatusBoard::Change StatusBoard::Leave() {
  std::lock_guard lock(mutex_);
  return LeaveLocked();
}

StatusBoard::Change StatusBoard::LeaveLocked() {
  const Change change{
      .role = status_.state != PeerState::kLooking || status_.phase != ZabPhase::kElection,
      .leader = status_.leader.has_value()};
  status_.state = PeerState::kLooking;
  status_.phase = ZabPhase::kElection;
  status_.leader.reset();
  return change;
}

ReplicaStatus StatusBoard::Get() const {
  std::lock_guard lock(mutex_);
  ReplicaStatus status = status_;
  // Two strands report the two: what is applied may be known before it is known that
  // it was committed.
  status.last_committed = std::max(status.last_committed, status.last_applied);
  status.halted = ending_.code != absl::StatusCode::kOk;
  if (status.halted) {
    status.health = MakeError(ending_.code, ending_.why, {.outcome = Outcome::kUnknown});
  } else if (status.amnesic) {
    status.health = MakeError(absl::StatusCode::kFailedPrecondition,
                              "amnesic: this disk does not belong to this id; does not vote");
  }
  return status;
}

bool StatusBoard::has_leader() const {
  std::lock_guard lock(mutex_);
  return status_.leader.has_value() && status_.phase == ZabPhase::kBroadcast;
}

}  // namespace zkq::runtime
