// NewestWord: which announcements are old. A transport remembers the last one for a peer and says
// it with the next link. Voters are told of every change, so theirs is the newest; who is listed
// nowhere hears only answers, and with a new link perhaps one from an earlier look.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>

#include "zkq/testing/sim_network.h"

namespace zkq::testing {

class NewestWord {
 public:
  // The sender has said something of a later look, or, of this look, what it has come to; or just
  // this to the same peer, last. Notes it.
  bool IsOld(const SimNetworkObserver::Route& route, const Notification& said) {
    const std::pair word(said.look_seq, said.state != PeerState::kLooking);
    auto& newest = newest_[{route.from, route.from_boot}];
    newest = std::max(newest, word);
    Notification& last = last_[{route.from, route.from_boot, route.to}];
    return std::exchange(last, said) == said || word < newest;
  }

 private:
  std::map<std::pair<ServerId, uint64_t>, std::pair<uint64_t, bool>> newest_;
  std::map<std::tuple<ServerId, uint64_t, ServerId>, Notification> last_;  // by who says it to whom
};

}  // namespace zkq::testing
