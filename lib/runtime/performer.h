// Performer: carries out what the peer wants done, each effect at whom it concerns.
//
// The core asks for order within one destination only. What other strands have to do goes
// first, so that they are under way while messages are handed to the transport.
//
// Threads: the protocol strand's.
#pragma once

#include "lib/core/effect.h"
#include "lib/runtime/applier.h"
#include "lib/runtime/calls.h"
#include "lib/runtime/halter.h"
#include "lib/runtime/journal.h"
#include "lib/runtime/status_board.h"
#include "lib/runtime/strand.h"
#include "lib/runtime/transfers.h"
#include "lib/runtime/voice.h"
#include "zkq/quorum_transport.h"

namespace zkq::runtime {

class Performer {
 public:
  struct Ports {
    const Strand* strand = nullptr;
    Journal* journal = nullptr;
    Applier* applier = nullptr;
    Transfers* transfers = nullptr;
    Calls* calls = nullptr;
    QuorumTransport* transport = nullptr;
    const StatusBoard* board = nullptr;
    const Voice* voice = nullptr;
    Halter* halter = nullptr;
  };
  explicit Performer(const Ports& ports) : ports_(ports) {}

  // Takes all of `*effects`. `committed` and `now` are for the journal, which hears of
  // each drain. If one of the effects is Halt, none of them is written or sent.
  void Perform(core::Effects* effects, Zxid committed, absl::Duration now);

 private:
  Halter& invariants() { return *ports_.halter; }

  const Ports ports_;
};

}  // namespace zkq::runtime
