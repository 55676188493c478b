// Throttle: a line of the log is written about one server once a minute at most, whatever
// flaps. Pure.
//
// Bound: an entry for each line and each server that it was written about in the last minute.
// Who asks names members, and kNoServer for all others: strangers cannot fill it.
#pragma once

#include <algorithm>
#include <map>
#include <utility>

#include "absl/time/time.h"
#include "lib/base/lines.h"
#include "zkq/types.h"

namespace zkq {

inline constexpr absl::Duration kThrottleInterval = absl::Minutes(1);

class Throttle {
 public:
  // How long this line has to wait, if it is about `sid`. Zero: it may be written, and
  // is counted as written now.
  absl::Duration Wait(Line line, ServerId sid, absl::Duration now) {
    std::erase_if(written_,
                  [&](const auto& entry) { return now - entry.second >= kThrottleInterval; });
    const auto [entry, first] = written_.try_emplace({line, sid}, now);
    return first ? absl::ZeroDuration() : entry->second + kThrottleInterval - now;
  }
  // The next such line need not wait: it ends what a written one has told.
  void Forget(Line line, ServerId sid) { written_.erase({line, sid}); }
  size_t size() const { return written_.size(); }

 private:
  std::map<std::pair<Line, ServerId>, absl::Duration> written_;  // when
};

}  // namespace zkq
