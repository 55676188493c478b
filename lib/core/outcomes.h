// Outcomes: the writes of this replica's user that are under way, and what is known
// of each. A call is known by its tag; its transaction carries the tag as origin,
// so any history tells which calls are in it.
//
// What decides a call whose session or leader was lost (PROTOCOL §8.5): once an epoch is
// established, nothing outside its initial history is ever committed. A call sent before
// and found in that history completes when it is applied. One that is not found is free
// to go again, for no history that can become committed holds its earlier attempt; unless
// a later call stands in the history: then it was refused and the answer was lost, and
// going again it would come after its successor. One that may lie under a snapshot cannot
// be told.
//
// From the end of a session until its calls are decided none is sent, so there is nothing
// to tell apart: all that is here and not in the history is of an earlier session.
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

  // The call left for a leader, or waits in one. Tags grow with the order of the calls.
  void Sent(uint64_t tag) { calls_.insert_or_assign(calls_.end(), tag, Call{}); }
  // The history grew by these, was cut after `after`, was replaced by a snapshot.
  void Appended(std::span<const Txn> txns);
  void Truncated(Zxid after);
  void Installed(Zxid snapshot);
  // These are committed and on their way to the state machine.
  void Delivered(Zxid through);
  // The leader refused it: it never gets a zxid. False: not one of ours, or in the
  // history, which decides it whatever is said.
  bool Refused(uint64_t tag);

  struct Verdict {
    std::vector<uint64_t> again = {};    // free to go again
    std::vector<uint64_t> refused = {};  // a later one is in the history
    std::vector<uint64_t> unknown = {};
  };
  // A session is up to date with an established leader, and this history has all that the
  // leader had proposed by then: decides and forgets the calls that are not in it.
  Verdict Decide();

  size_t size() const { return calls_.size(); }

 private:
  struct Call {
    Zxid zxid = {};                // that it was seen with last; {0,0}: never
    bool logged = false;           // there, in the live history
    bool maybe_installed = false;  // may lie under a snapshot that came while it was out
  };
  uint64_t NewestInHistory() const;

  Origin self_;  // without a call
  std::map<uint64_t, Call> calls_;
  std::map<Zxid, uint64_t> logged_;
  uint64_t newest_delivered_ = 0;  // tag
};

}  // namespace zkq::core
