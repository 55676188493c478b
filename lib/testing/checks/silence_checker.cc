#include "lib/testing/checks/silence_checker.h"

#include <algorithm>
#include <utility>

namespace zkq::testing {

std::optional<Violation> SilenceChecker::OnLook(const Stands& stands, absl::Duration limit,
                                                uint64_t changes, absl::Duration now) {
  const bool changed = std::exchange(changes_, changes) != changes;
  std::erase_if(known_, [&](const auto& known) { return !stands.contains(known.first); });
  for (const auto& [sid, stand] : stands) {
    Known& known =
        known_.try_emplace(sid, Known{.lost = stand.lost, .usual_since = now}).first->second;
    const bool more = stand.lost > std::exchange(known.lost, stand.lost);
    known.usual_since = std::max(known.usual_since, stand.usual_since.value_or(now));
    if (changed) {
      known.usual_since = now;
    } else if (more && now - known.usual_since > 2 * limit) {
      return Violation{"a link that talks stays",
                       "server " + ToString(sid) +
                           " has lost a link to silence, and all around it has been as usual for " +
                           absl::FormatDuration(now - known.usual_since)};
    }
  }
  return std::nullopt;
}

}  // namespace zkq::testing
