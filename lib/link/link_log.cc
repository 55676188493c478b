#include "lib/link/link_log.h"

#include <string>

namespace zkq::link {

absl::Duration LinkLog::Write(const Line& line, ServerId self, ServerId peer, absl::Duration now,
                              std::string_view text) {
  if (silent()) return absl::ZeroDuration();
  {
    const std::lock_guard lock(mutex_);
    const absl::Duration wait = throttle_.Wait(line.name, peer, now);
    if (wait > absl::ZeroDuration()) return wait;
  }
  sink_->Log(line.level, self, std::string(line.name) + ": " + std::string(text));
  return absl::ZeroDuration();
}

}  // namespace zkq::link
