#include "lib/env/system_clock.h"

#include <chrono>

namespace zkq {
namespace {

class SystemClock final : public Clock {
 public:
  absl::Duration Monotonic() override {
    return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
  }
  absl::Time Wall() override { return absl::FromChrono(std::chrono::system_clock::now()); }
};

}  // namespace

std::shared_ptr<Clock> NewSystemClock() { return std::make_shared<SystemClock>(); }

}  // namespace zkq
