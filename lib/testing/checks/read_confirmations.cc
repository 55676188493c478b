#include "lib/testing/checks/read_confirmations.h"

#include <algorithm>

namespace zkq::testing {

void ReadConfirmations::OnSent(const Route& route, const Session& session, const Pong& pong) {
  sent_[SpeakerOf(route, session)][pong.seq] = ++now_;
}

void ReadConfirmations::OnDelivered(const Route& route, const Session& session, const Pong& pong) {
  auto& sent = sent_[SpeakerOf(route, session)];
  const auto found = sent.find(pong.seq);
  if (found == sent.end()) return;
  uint64_t& heard = heard_[{route.to, route.to_boot}][route.from];
  heard = std::max(heard, found->second);
  sent.erase(sent.begin(), std::next(found));
}

std::vector<std::set<ServerId>> ReadConfirmations::Of(uint64_t call) const {
  std::vector<std::set<ServerId>> all;
  const uint64_t asked = asked_.at(call);
  for (const auto& [leader, heard] : heard_) {
    std::set<ServerId>& confirmed = all.emplace_back(std::set{leader.first});
    for (const auto& [sid, when] : heard) {
      if (when > asked) confirmed.insert(sid);
    }
  }
  return all;
}

}  // namespace zkq::testing
