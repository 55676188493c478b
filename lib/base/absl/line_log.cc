#include "lib/base/absl/line_log.h"

#include <string>

namespace zkq {

absl::Duration LineLog::Write(Line line, ServerId self, ServerId about, absl::Duration now,
                              std::string_view text) {
  if (silent()) return absl::ZeroDuration();
  const LineInfo& info = InfoOf(line);
  if (info.pace == Pace::kMinute) {
    const std::lock_guard lock(mutex_);
    const absl::Duration wait = throttle_.Wait(line, about, now);
    if (wait > absl::ZeroDuration()) return wait;
    if (line == Line::kPeerUnreachable) throttle_.Forget(Line::kLinked, about);
  }
  sink_->Log(info.level, self, std::string(info.name) + ": " + std::string(text));
  return absl::ZeroDuration();
}

}  // namespace zkq
