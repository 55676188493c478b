#include <algorithm>

#include "lib/core/leading.h"

namespace zkq::core {
namespace {

// Before established: how long supporters that look again are waited for.
constexpr int kPatienceTicks = 5;
// A faulty voter must not be able to force renewals one after the other.
constexpr Time kRenewalInterval = std::chrono::seconds(60);

}  // namespace

void Leading::On(const Tick&) {
  if (self_.now < next_ping_) return;
  next_ping_ = self_.now + self_.options.tick / 2;
  if (!attempt_.established()) {
    if (attempt_.Expired(self_.now)) return Resign("no quorum follows in time");
    CheckSupport();
  }
  DropSilent();
  PingAll();
  NoteHeard();
  if (attempt_.established()) {
    CheckQuorum();
    CheckOwnDisk();
  }
}

Time Leading::NextWake() const { return next_ping_; }

void Leading::PingAll() {
  ++ping_seq_;
  for (auto& [link, learner] : learners_) {
    // Ping in the old epoch until the learner is sent LeaderInfo of the new one: the
    // leader's promise may take its time.
    const bool renews = serving() && learner.stage() == LearnerProgress::Stage::kWaiting &&
                        learner.session().epoch == established_;
    if (learner.pinged() || renews) learner.SendPing(ping_seq_);
  }
}

void Leading::DropSilent() {
  std::vector<LinkId> silent;
  for (auto& [link, learner] : learners_) {
    if (learner.StandsStill()) silent.push_back(link);
  }
  for (const LinkId& link : silent) EndSession(link, SessionEndReason::kTimeout);
}

void Leading::CheckQuorum() {
  std::set<ServerId> live = SyncedLearners();
  live.insert(self_.options.self);
  if (!self_.quorum.Contains(live)) Resign("a quorum has been lost");
}

// The others commit without this disk, so a hung one would stall this leader's
// clients, and then admission, for ever (PROTOCOL §9.2).
void Leading::CheckOwnDisk() {
  if (self_.Drained() || self_.synced != disk_mark_) {
    disk_mark_ = self_.synced;
    disk_advanced_ = self_.now;
    return;
  }
  if (self_.now - disk_advanced_ < self_.Ticks(self_.options.sync_limit)) return;
  if (self_.quorum.Contains(SyncedLearners())) Resign("this leader's own disk does not answer");
}

// When a quorum, this leader included, was last heard.
void Leading::NoteHeard() {
  std::map<Time, std::set<ServerId>, std::greater<>> by_time;
  for (const auto& [link, learner] : learners_) {
    if (learner.synced()) by_time[learner.heard()].insert(link.sid);
  }
  std::set<ServerId> heard{self_.options.self};
  if (self_.quorum.Contains(heard)) self_.last_heard = self_.now;
  for (const auto& [time, servers] : by_time) {
    heard.insert(servers.begin(), servers.end());
    if (!self_.quorum.Contains(heard)) continue;
    self_.last_heard = std::max(self_.last_heard, time);
    return;
  }
}

// --- supporters that look again ---------------------------------------------------

void Leading::On(const Notified& notified) {
  const Notification& n = notified.notification;
  const ServerId sid = notified.link.sid;
  if (n.state != PeerState::kLooking || !self_.quorum.IsVoter(sid)) return;
  const Look report{notified.link.boot, n.look_seq};
  for (const auto& [link, learner] : learners_) {
    // Lanes are not ordered: only a look later than the one that led to this
    // session speaks against it (PROTOCOL §9.4).
    if (link.sid != sid || report <= learner.look()) continue;
    EndSession(LinkId(link), SessionEndReason::kTimeout);
    break;
  }
  if (attempt_.established()) return;
  attempt_.Desert(sid, report);
}

void Leading::CheckSupport() {
  if (serving()) return;  // a renewal
  if (attempt_.Deserted(self_.now, self_.Ticks(kPatienceTicks))) {
    Resign("its supporters look again");
  }
}

// --- renewal (PROTOCOL §9.5) -------------------------------------------------------

// A voter that promised a higher epoch refuses every leader of this one for ever:
// a silent loss of redundancy. A higher epoch lets it in again.
void Leading::ConsiderRenewal() {
  if (admission_.paused_for() ||
      (self_.renewed && self_.now - self_.last_renewal < kRenewalInterval))
    return;
  StartRenewal("a voter has promised epoch " + std::to_string(ahead_epoch_));
}

void Leading::StartRenewal(std::string why) {
  if (admission_.paused_for() || !attempt_.established()) return;
  self_.Tell(Note::Level::kInfo, "renews its epoch in place: " + std::move(why));
  admission_.PauseFor(Admission::Pause::kRenewal);
  self_.renewed = true;
  self_.last_renewal = self_.now;
  if (admission_.drained()) Renew();
}

void Leading::Renew() {
  const Epoch highest = std::max(established_, ahead_epoch_);
  if (highest >= kEpochMax) {
    self_.halt = "the epochs are exhausted";
    return;
  }
  AbandonReads();
  attempt_ = NewAttempt(highest + 1, {});
  std::vector<LinkId> not_synced;
  for (auto& [link, learner] : learners_) {
    if (learner.synced()) {
      learner.Renew();
    } else {
      not_synced.push_back(link);
    }
  }
  for (const LinkId& link : not_synced) EndSession(link, SessionEndReason::kTimeout);
  FixEpoch();
}

}  // namespace zkq::core
