#include "lib/core/ping_log.h"

#include <algorithm>
#include <iterator>

namespace zkq::core {
namespace {

// More are under way only where a leader does not say what it has heard.
constexpr size_t kPingsMax = 1024;

}  // namespace

// The newest of those numbers that this learner got.
const PingLog::Entry* PingLog::FindUpTo(uint64_t seq) const {
  const auto after =
      std::upper_bound(pings_.begin(), pings_.end(), seq,
                       [](uint64_t wanted, const Entry& entry) { return wanted < entry.seq; });
  return after != pings_.begin() ? &*std::prev(after) : nullptr;
}

const PingLog::Entry* PingLog::Find(uint64_t seq) const {
  const Entry* const entry = FindUpTo(seq);
  return entry != nullptr && entry->seq == seq ? entry : nullptr;
}

std::optional<PingLog::Confirmed> PingLog::Take(const Ping& ping, Time now) {
  // No ping has that number: `heard` says with it that no answer has been heard yet.
  if (ping.seq == 0) return std::nullopt;
  if (!pings_.empty() && ping.seq <= pings_.back().seq) return std::nullopt;
  const Entry* const heard = Find(ping.heard);
  pings_.push_back({ping.seq, now, heard ? std::optional(heard->answered) : std::nullopt});
  std::optional<Confirmed> confirmed;
  if (ping.confirmed > confirmed_) {
    confirmed_ = ping.confirmed;
    const Entry* const round = FindUpTo(confirmed_);
    if (round != nullptr && round->heard) {
      confirmed = Confirmed{ping.confirmed_commit, *round->heard};
    }
  }
  const uint64_t needed = std::min(ping.heard, confirmed_);
  while (pings_.size() > kPingsMax || (!pings_.empty() && pings_.front().seq < needed)) {
    pings_.pop_front();
  }
  return confirmed;
}

}  // namespace zkq::core
