#include "test/sim/shrink.h"

#include <numeric>

namespace zkq::sim {

std::vector<size_t> Shrink(const RunOptions& options, const RunResult& failed) {
  std::vector<size_t> strikes(failed.strikes);
  std::iota(strikes.begin(), strikes.end(), size_t{0});
  const auto still_fails = [&](const std::vector<size_t>& fewer) {
    RunOptions attempt = options;
    attempt.strikes = fewer;
    attempt.trace_lines = 0;
    const RunResult result = Run(attempt);
    return result.violation && result.violation->property == failed.violation->property;
  };
  for (size_t piece = strikes.size(); piece > 0; piece /= 2) {
    for (size_t at = 0; at + piece <= strikes.size();) {
      std::vector<size_t> fewer = strikes;
      const auto begin = fewer.begin() + static_cast<std::ptrdiff_t>(at);
      fewer.erase(begin, begin + static_cast<std::ptrdiff_t>(piece));
      if (still_fails(fewer)) {
        strikes = std::move(fewer);
      } else {
        at += piece;
      }
    }
  }
  return strikes;
}

}  // namespace zkq::sim
