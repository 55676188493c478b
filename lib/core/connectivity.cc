#include "lib/core/connectivity.h"

namespace zkq::core {

void Connectivity::Use(const MemberId& self, const Quorum& quorum) {
  self_ = self;
  quorum_ = quorum;
  Count();
}

void Connectivity::Up(const MemberId& peer) {
  linked_.insert(peer);
  lost_.erase(peer.id);
  Count();
}

void Connectivity::Down(const MemberId& peer) {
  const bool gone = linked_.erase(peer) > 0 && !IsLinked(peer.id);
  if (gone && quorum_.MayLead(peer.id)) lost_.insert(peer.id);
  Count();
}

bool Connectivity::IsLinked(ServerId sid) const {
  const auto peer = linked_.lower_bound(MemberId{sid, {}});
  return peer != linked_.end() && peer->id == sid;
}

void Connectivity::Count() {
  std::set<MemberId> reached = linked_;
  reached.insert(self_);
  quorum_linked_ = quorum_.Contains(reached);
}

bool Connectivity::Update(Time now) {
  const bool before = reaches_quorum_;
  if (quorum_linked_) {
    reaches_quorum_ = true;
    lost_at_.reset();
  } else if (reaches_quorum_ && !lost_at_) {
    lost_at_ = now + grace_;
  } else if (lost_at_ && now >= *lost_at_) {
    reaches_quorum_ = false;
    lost_at_.reset();
  }
  return reaches_quorum_ != before;
}

}  // namespace zkq::core
