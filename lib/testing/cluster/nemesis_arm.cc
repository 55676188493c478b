#include "lib/testing/cluster/nemesis_arm.h"

#include <algorithm>

namespace zkq::testing {

// --- later -----------------------------------------------------------------------------

void NemesisArm::After(absl::Duration delay, std::function<void()> what) {
  repairs_.push_back({cluster_.now() + delay, std::move(what)});
}

void NemesisArm::EndAfter(Pair where, absl::Duration lasts, std::function<void()> repair) {
  absl::Duration& until = lasting_[where];
  until = std::max(until, cluster_.now() + lasts);
  After(lasts, [this, where, repair = std::move(repair)] {
    if (cluster_.now() >= lasting_[where]) repair();
  });
}

absl::Duration NemesisArm::Next(absl::Duration limit) const {
  for (const Repair& repair : repairs_) limit = std::min(limit, repair.at);
  return limit;
}

void NemesisArm::DoWhatIsDue() {
  std::vector<Repair> due;
  std::erase_if(repairs_, [&](Repair& repair) {
    if (repair.at > cluster_.now()) return false;
    due.push_back(std::move(repair));
    return true;
  });
  for (Repair& repair : due) repair.what();
}

void NemesisArm::ForgetAll() {
  repairs_.clear();
  waiting_.clear();
  lasting_.clear();
  restarts_.clear();
  armed_.clear();
}

// --- crashes and restarts -----------------------------------------------------------------

void NemesisArm::Crash(ServerId sid, CrashMode mode) {
  armed_.erase(sid);
  cluster_.server(sid).Crash(mode);
}

void NemesisArm::CrashFor(ServerId sid, CrashMode mode, absl::Duration down) {
  Crash(sid, mode);
  RestartAfter(down, sid);
}

void NemesisArm::RestartAfter(absl::Duration down, ServerId sid) {
  ++restarts_[sid];
  After(down, [this, sid] {
    --restarts_[sid];
    Restart(sid);
  });
}

void NemesisArm::Restart(ServerId sid) {
  if (cluster_.server(sid).up() || cluster_.server(sid).Start().ok()) return;
  RestartAfter(absl::Seconds(1), sid);
}

void NemesisArm::KeepUp() {
  for (const ServerId sid : servers()) {
    const bool lost = std::find(lost_.begin(), lost_.end(), sid) != lost_.end();
    if (cluster_.server(sid).up() && cluster_.server(sid).Status().halted) {
      CrashFor(sid, CrashMode::kPower, absl::Milliseconds(200));
    } else if (!cluster_.server(sid).up() && !lost && restarts_[sid] == 0) {
      RestartAfter(absl::Seconds(1), sid);
    }
  }
}

// --- disks that are lost --------------------------------------------------------------------

bool NemesisArm::MayLose(ServerId sid) const {
  const auto seats = std::count_if(servers().begin(), servers().end(),
                                   [](ServerId place) { return !IsTwin(place); });
  const size_t minority = static_cast<size_t>(seats - 1) / 2;
  return lost_.size() < minority || std::find(lost_.begin(), lost_.end(), sid) != lost_.end();
}

void NemesisArm::CountLost(ServerId sid) {
  if (std::find(lost_.begin(), lost_.end(), sid) == lost_.end()) lost_.push_back(sid);
}

// --- who is what ----------------------------------------------------------------------------

std::optional<NemesisArm::Role> NemesisArm::RoleOf(ServerId sid) const {
  const auto role = roles_.find(sid);
  return role == roles_.end() ? std::nullopt : std::optional(role->second);
}

void NemesisArm::Note(Fault fault, const std::optional<Role>& role) {
  if (witness_ && role) witness_(fault, role->first, role->second);
}

bool NemesisArm::OnStatus(ServerId sid, const ReplicaStatus& status) {
  const Role now(status.state, status.phase);
  founded_ = founded_ || status.phase != ZabPhase::kElection;
  return std::exchange(roles_[sid], now) != now;
}

// Who was told to die at some instant has done so.
void NemesisArm::OnCrashed(ServerId sid) {
  const auto armed = armed_.find(sid);
  if (armed != armed_.end()) {
    Note(armed->second, RoleOf(sid));
    armed_.erase(armed);
  }
  roles_.erase(sid);
}

}  // namespace zkq::testing
