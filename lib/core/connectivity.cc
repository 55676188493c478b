#include "lib/core/connectivity.h"

namespace zkq::core {

bool Connectivity::Update(const Quorum& quorum, Time now) {
  const bool before = reaches_quorum_;
  std::set<ServerId> reached = linked_;
  reached.insert(self_);
  if (quorum.Contains(reached)) {
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
