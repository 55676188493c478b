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
  // What is promised and held.
  Epoch accepted = 0, current = 0;
  WriteId last_write = 0, synced = 0;
  uint64_t sessions = 0;
  // The role.
  Epoch epoch = 0;  // established, or on its way to be; 0: not known yet
  PeerState state = PeerState::kLooking;
  ZabPhase phase = ZabPhase::kElection;
  bool serving = false;  // the epoch is established
  bool linked = false;   // to the leader; of a learner
  friend bool operator==(const Marks&, const Marks&) = default;
};
static_assert(sizeof(Marks) <= 128);

// The name of the first rule that is broken; null if none is.
const char* CheckState(const Marks& marks);
const char* CheckStep(const Marks& before, const Marks& after);

}  // namespace zkq::core
