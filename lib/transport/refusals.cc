#include "lib/transport/refusals.h"

#include "lib/base/absl/string_view.h"

namespace zkq::transport {

void Refusals::Log(ServerId self, ServerId peer, const absl::Status& why) {
  if (sink_ == nullptr) return;
  {
    const auto now = Clock::now();
    const std::lock_guard lock(mutex_);
    const auto [last, first] = last_.try_emplace({peer, why.code()}, now);
    if (!first && now - last->second < std::chrono::minutes(1)) return;
    last->second = now;
  }
  sink_->Log(LogLevel::kWarning, self, FromAbsl(why.message()));
}

}  // namespace zkq::transport
