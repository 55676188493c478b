// Outcomes: the writes of this replica's user that are under way, and what is known
// of each. A call is known by its tag; its transaction carries the tag as origin,
// so any history tells which calls are in it.
//
// What decides a call whose leader was lost (PROTOCOL §8.5): once an epoch is
// established, nothing outside its initial history is ever committed. A call
// sent before and found in that history completes when it is applied; one not
// found is abandoned; one that may lie under a snapshot cannot be told.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "zkq/message.h"

namespace zkq::core {

class Outcomes {
 public:
  explicit Outcomes(const Origin& self) : self_(self) {}

  // The call left for a leader (or waits in one) in the session `session`.
  void Sent(uint64_t tag, uint64_t session) { calls_[tag] = {.session = session}; }
  // The history grew by these, was cut after `after`, was replaced by a snapshot.
  void Appended(std::span<const Txn> txns);
  void Truncated(Zxid after);
  void Installed();
  // These are committed and on their way to the state machine.
  void Delivered(Zxid through);
  // The leader refused it: it never gets a zxid. False: not one of ours, or in the
  // history, which decides it whatever is said.
  bool Refused(uint64_t tag);

  struct Verdict {
    std::vector<uint64_t> abandoned = {};
    std::vector<uint64_t> unknown = {};
  };
  // The session `session` is up to date with an established leader, and this history
  // has all that the leader had proposed by then: decides and forgets the calls of
  // earlier sessions that are not in it.
  Verdict Decide(uint64_t session);

  size_t size() const { return calls_.size(); }

 private:
  struct Call {
    uint64_t session = 0;
    Zxid zxid = {};                // in the live history; {0,0}: not in it
    bool maybe_installed = false;  // a snapshot came while it was out
  };
  Origin self_;  // without a call
  std::map<uint64_t, Call> calls_;
  std::map<Zxid, uint64_t> logged_;  // those with a zxid
};

}  // namespace zkq::core
