#include "lib/core/establishment.h"

#include <algorithm>

namespace zkq::core {

Establishment::Establishment(Options options, const Quorum* quorum, Time now)
    : options_(std::move(options)), quorum_(quorum), lowest_(options_.lowest), supported_at_(now) {
  connected_.insert(options_.self);
  for (const auto& [member, word] : options_.last_words) {
    if (!options_.designated && word.SettledOnOtherThan(options_.self.id)) {
      defectors_.insert(member);
    }
  }
  NoteProgress(now);
}

// --- whom it counts ----------------------------------------------------------------

void Establishment::Connect(const MemberId& member, Epoch promised, Time now) {
  deserters_.erase(member);
  defectors_.erase(member);
  if (stage_ != Stage::kConnecting || !quorum_->IsVoter(member)) return;
  lowest_ = std::max(lowest_, promised + 1);
  if (connected_.insert(member).second) NoteProgressOf(member, now);
}

void Establishment::Promise(const MemberId& member, Time now) {
  if (quorum_->IsVoter(member) && promised_.insert(member).second) NoteProgressOf(member, now);
}

void Establishment::Accept(const MemberId& member, Time now) {
  if (quorum_->IsVoter(member) && accepted_.insert(member).second) NoteProgressOf(member, now);
}

// A set that is still open loses it. A set that has reached its quorum is history.
void Establishment::Leave(const MemberId& member) {
  if (stage_ == Stage::kConnecting) connected_.erase(member);
  if (!discovered()) promised_.erase(member);
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

void Establishment::NoteProgressOf(const MemberId& member, Time now) {
  if (progress_.insert({stage_, member}).second) NoteProgress(now);
}

bool Establishment::QuorumWithout(const std::set<MemberId>& voters) const {
  std::set<MemberId> others = quorum_->Voters();
  for (const MemberId& member : voters) others.erase(member);
  return quorum_->Contains(others);
}

bool Establishment::Hopeless() const { return !QuorumWithout(counted_out_); }

void Establishment::Note(const MemberId& member, const LastWord& word) {
  const Look known = options_.last_words[member].look;
  if (word.look < known) return;
  if (word.SettledOnOtherThan(options_.self.id)) {
    if (!options_.designated || word.look > known) defectors_.insert(member);
  } else if (word.state == PeerState::kLooking && word.look > known) {
    defectors_.erase(member);
    deserters_.insert(member);
  }
}

bool Establishment::Lost() const { return !QuorumWithout(defectors_); }

void Establishment::NoteSupport(std::set<MemberId> linked, Time now) {
  for (const MemberId& member : deserters_) linked.erase(member);
  for (const MemberId& member : defectors_) linked.erase(member);
  for (const MemberId& member : counted_out_) linked.erase(member);
  linked.insert(options_.self);
  if (quorum_->Contains(linked)) supported_at_ = now;
}

}  // namespace zkq::core
