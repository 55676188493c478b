#include "lib/testing/world/sim_paths.h"

#include <algorithm>
#include <utility>

namespace zkq::testing {

const SimPath& SimPaths::Of(ServerId from, ServerId to) const {
  static const SimPath kUsual = {};
  const auto found = paths_.find({from, to});
  return found == paths_.end() ? kUsual : found->second;
}

absl::Duration SimPaths::DrawDelay(ServerId from, ServerId to) {
  const SimDelay delay = Of(from, to).delay.value_or(usual_);
  const auto spread = static_cast<uint64_t>(absl::ToInt64Nanoseconds(delay.max - delay.min));
  return delay.min + absl::Nanoseconds(static_cast<int64_t>(random_.Below(spread + 1)));
}

bool SimPaths::Passes(ServerId from, ServerId to, size_t bytes) const {
  const SimPath& path = Of(from, to);
  return !path.silent && bytes <= path.largest;
}

bool SimPaths::Refused(ServerId a, ServerId b) const {
  return cuts_.contains(std::minmax(a, b)) || side_.contains(a) != side_.contains(b);
}

absl::Duration SimPaths::LongestDelay(ServerId from, ServerId to) const {
  SimPath path = Of(from, to);
  const SimDelay delay = std::exchange(path.delay, std::nullopt).value_or(usual_);
  return path == SimPath{} && !Refused(from, to) ? delay.max : absl::InfiniteDuration();
}

void SimPaths::Set(ServerId from, ServerId to, const SimPath& path) {
  if (path == SimPath{}) {
    paths_.erase({from, to});
  } else {
    paths_[{from, to}] = path;
  }
}

void SimPaths::Mend(ServerId a, ServerId b) {
  cuts_.erase(std::minmax(a, b));
  paths_.erase({a, b});
  paths_.erase({b, a});
}

void SimPaths::Heal() {
  cuts_.clear();
  side_.clear();
  paths_.clear();
  usual_ = Healthy();
}

}  // namespace zkq::testing
