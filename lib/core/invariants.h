// What must hold of one peer, whatever happens to it: the rules of PROTOCOL §12 that can
// be seen from inside. Only a bug breaks one; the peer then halts before anything of the
// step that did it is carried out.
//
// A peer's marks are taken after each step, in one small value; CheckState looks at one,
// CheckStep at two that follow each other. What concerns one object alone (a learner's
// match and its cursor, a history and its window) is checked where that object changes.
#pragma once

#include "lib/base/checks.h"
#include "lib/core/event.h"

namespace zkq::core {

struct Marks {
  // The history, and what is known of it.
  Zxid begin = {}, last = {}, durable = {}, commit = {}, delivered = {}, applied = {};
  Zxid snapshot = {};
  Zxid config = {};   // version of the committed configuration
  Zxid pending = {};  // of the pending one; {0,0}: there is none
  Zxid acked = {};    // by a learner to its leader, in the present epoch
  // What is promised and held.
  Epoch accepted = 0, current = 0;
  WriteId last_write = 0, synced = 0;
  uint32_t ensemble = 0;     // its id in short; 0: not founded
  uint32_t promised_to = 0;  // the leader of `accepted` and its process life, in short
  // The role.
  Epoch epoch = 0;        // established, or on its way to be; 0: not known yet
  Epoch established = 0;  // the last that was, in this process life
  PeerState state = PeerState::kLooking;
  ZabPhase phase = ZabPhase::kElection;
  bool serving : 1 = false;          // `epoch` is established
  bool listed : 1 = false;           // as a voter, with this disk; of a leader
  bool attached : 1 = false;         // has a session; of a learner
  bool observes : 1 = false;         // as an observer: promises nothing, counts nowhere
  bool linked : 1 = false;           // the session is the newest, and its link is up
  bool counted : 1 = false;          // in the quorum of promises
  bool promised : 1 = false;         // the promise is to the leader of this term
  bool promise_told : 1 = false;     // by LeaderInfo or AckEpoch
  bool promise_durable : 1 = false;  // the newest is
  bool epoch_told : 1 = false;       // by NewLeader or the Ack of it
  bool epoch_durable : 1 = false;    // `current` is
  friend bool operator==(const Marks&, const Marks&) = default;
};
static_assert(sizeof(Marks) <= 128);

// The name of the first rule that is broken; null if none is.
const char* CheckState(const Marks& marks);
const char* CheckStep(const Marks& before, const Marks& after);

}  // namespace zkq::core
