// NewestWord: which announcements are old. A transport remembers the last one for a peer and says
// it with the next link. Voters are told of every change, so theirs is the newest; who is listed
// nowhere hears only answers, and with a new link perhaps one from an earlier look.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "zkq/testing/sim_network.h"

namespace zkq::testing {

class NewestWord {
 public:
  // The sender has said something of a later look, or, of this look, what it has come to; or just
  // this, to anybody. Notes it.
  bool IsOld(const SimNetworkObserver::Route& route, const Notification& said) {
    const Word word(said.look_seq, said.state != PeerState::kLooking);
    Said& before = said_[{route.from, route.from_boot}];
    if (word < before.newest) return true;
    if (word > before.newest) before = {word};
    if (std::find(before.all.begin(), before.all.end(), said) != before.all.end()) return true;
    before.all.push_back(said);
    return false;
  }

 private:
  using Word = std::pair<uint64_t, bool>;
  struct Said {
    Word newest = {};
    std::vector<Notification> all = {};  // of the newest
  };
  std::map<std::pair<ServerId, uint64_t>, Said> said_;  // by process life
};

}  // namespace zkq::testing
