#include "lib/env/system_clock.h"

#include <chrono>

#include "lib/env/since_boot.h"

namespace zkq {
namespace {

class SystemClock final : public Clock {
 public:
  absl::Duration Monotonic() override { return SinceBoot(); }
  absl::Time Wall() override { return absl::FromChrono(std::chrono::system_clock::now()); }
};

}  // namespace

std::shared_ptr<Clock> NewSystemClock() { return std::make_shared<SystemClock>(); }

}  // namespace zkq
