#include "lib/testing/read_confirmations.h"

#include <algorithm>

namespace zkq::testing {

void ReadConfirmations::OnSent(const Route& route, const Session& session, const Pong& pong) {
  sent_[SpeakerOf(route, session)][pong.seq] = ++now_;
}

void ReadConfirmations::OnDelivered(const Route& route, const Session& session, const Pong& pong) {
  auto& sent = sent_[SpeakerOf(route, session)];
  const auto found = sent.find(pong.seq);
  if (found == sent.end()) return;
  uint64_t& heard = heard_[route.to][route.from];
  heard = std::max(heard, found->second);
  sent.erase(sent.begin(), std::next(found));
}

std::set<ServerId> ReadConfirmations::Of(ServerId leader, uint64_t call) const {
  std::set<ServerId> confirmed{leader};
  const auto asked = asked_.find(call);
  const auto heard = heard_.find(leader);
  if (asked == asked_.end() || heard == heard_.end()) return confirmed;
  for (const auto& [sid, when] : heard->second) {
    if (when > asked->second) confirmed.insert(sid);
  }
  return confirmed;
}

}  // namespace zkq::testing
