#include "lib/testing/checks/read_confirmations.h"

#include <algorithm>

namespace zkq::testing {

void ReadConfirmations::OnSent(const Route& route, const Session& session, const Pong& pong) {
  sent_[SpeakerOf(route, session)][pong.seq] = ++now_;
}

void ReadConfirmations::OnDelivered(const Route& route, const Session& session, const Pong& pong,
                                    const MemberId& from) {
  auto& sent = sent_[SpeakerOf(route, session)];
  const auto found = sent.find(pong.seq);
  if (found == sent.end()) return;
  uint64_t& heard = heard_[{route.to, route.to_boot}][from];
  heard = std::max(heard, found->second);
  sent.erase(sent.begin(), std::next(found));
}

std::vector<ReadConfirmations::Confirmed> ReadConfirmations::Of(uint64_t call) const {
  std::vector<Confirmed> all;
  const uint64_t asked = asked_.at(call);
  for (const auto& [leader, heard] : heard_) {
    Confirmed& confirmed = all.emplace_back(Confirmed{leader.first, leader.second});
    for (const auto& [member, when] : heard) {
      if (when > asked) confirmed.by.insert(member);
    }
  }
  return all;
}

}  // namespace zkq::testing
