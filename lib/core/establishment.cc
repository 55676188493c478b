#include "lib/core/establishment.h"

#include <algorithm>

namespace zkq::core {

Establishment::Establishment(Options options, const Quorum* quorum, Time now)
    : options_(std::move(options)), quorum_(quorum), lowest_(options_.lowest), supported_at_(now) {
  connected_.insert(options_.self);
  for (const auto& [sid, word] : options_.last_words) {
    if (word.SettledOnOtherThan(options_.self)) defectors_.insert(sid);
  }
  NoteProgress(now);
}

// --- whom it counts ----------------------------------------------------------------

void Establishment::Connect(ServerId sid, Epoch promised, Time now) {
  deserters_.erase(sid);
  defectors_.erase(sid);
  if (stage_ != Stage::kConnecting || !quorum_->IsVoter(sid)) return;
  lowest_ = std::max(lowest_, promised + 1);
  if (connected_.insert(sid).second) NoteProgressOf(sid, now);
}

void Establishment::Promise(ServerId sid, Time now) {
  if (quorum_->IsVoter(sid) && promised_.insert(sid).second) NoteProgressOf(sid, now);
}

void Establishment::Accept(ServerId sid, Time now) {
  if (quorum_->IsVoter(sid) && accepted_.insert(sid).second) NoteProgressOf(sid, now);
}

// A set that is still open loses it. A set that has reached its quorum is history.
void Establishment::Leave(ServerId sid) {
  if (stage_ == Stage::kConnecting) connected_.erase(sid);
  if (!discovered()) promised_.erase(sid);
}

// --- stages --------------------------------------------------------------------------

bool Establishment::CanFixEpoch() const {
  return stage_ == Stage::kConnecting && quorum_->Contains(connected_);
}

void Establishment::FixEpoch(WriteId promise) {
  stage_ = Stage::kPromising;
  write_ = promise;
}

bool Establishment::PromiseIsDurable(WriteId synced) {
  if (stage_ != Stage::kPromising || synced < write_) return false;
  stage_ = Stage::kElecting;
  promised_.insert(options_.self);
  return true;
}

bool Establishment::CanTakeEpoch() const {
  return stage_ == Stage::kElecting && promised_.contains(options_.self) &&
         quorum_->Contains(promised_);
}

void Establishment::TakeEpoch(WriteId current) {
  stage_ = Stage::kStoring;
  write_ = current;
}

bool Establishment::EpochIsDurable(WriteId synced) {
  if (stage_ != Stage::kStoring || synced < write_) return false;
  stage_ = Stage::kSynchronizing;
  accepted_.insert(options_.self);
  return true;
}

bool Establishment::TryEstablish() {
  if (stage_ != Stage::kSynchronizing || !accepted_.contains(options_.self) ||
      !quorum_->Contains(accepted_)) {
    return false;
  }
  stage_ = Stage::kEstablished;
  return true;
}

// --- its end ---------------------------------------------------------------------------

void Establishment::NoteProgressOf(ServerId sid, Time now) {
  if (progress_.insert({stage_, sid}).second) NoteProgress(now);
}

bool Establishment::QuorumWithout(const std::set<ServerId>& voters) const {
  std::set<ServerId> others = quorum_->Voters();
  for (ServerId sid : voters) others.erase(sid);
  return quorum_->Contains(others);
}

bool Establishment::Hopeless() const { return !QuorumWithout(counted_out_); }

void Establishment::Note(ServerId sid, const LastWord& word) {
  const Look known = options_.last_words[sid].look;
  if (word.look < known) return;
  if (word.SettledOnOtherThan(options_.self)) {
    defectors_.insert(sid);
  } else if (word.state == PeerState::kLooking && word.look > known) {
    defectors_.erase(sid);
    deserters_.insert(sid);
  }
}

bool Establishment::Lost() const { return !QuorumWithout(defectors_); }

void Establishment::NoteSupport(std::set<ServerId> linked, Time now) {
  for (ServerId sid : deserters_) linked.erase(sid);
  for (ServerId sid : defectors_) linked.erase(sid);
  for (ServerId sid : counted_out_) linked.erase(sid);
  linked.insert(options_.self);
  if (quorum_->Contains(linked)) supported_at_ = now;
}

}  // namespace zkq::core
