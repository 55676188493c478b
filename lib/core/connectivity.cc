#include "lib/core/connectivity.h"

namespace zkq::core {

void Connectivity::Use(const Quorum& quorum) {
  quorum_ = quorum;
  Count();
}

void Connectivity::Up(ServerId sid) {
  linked_.insert(sid);
  lost_.erase(sid);
  Count();
}

void Connectivity::Down(ServerId sid) {
  if (linked_.erase(sid) > 0) lost_.insert(sid);
  Count();
}

void Connectivity::Count() {
  std::set<ServerId> reached = linked_;
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
