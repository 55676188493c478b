// State machines to simulate with. Commands are text: "ID VERB KEY …", where ID names
// the command for ever; requests are "VERB KEY".
#pragma once

#include <memory>
#include <string_view>

#include "zkq/state_machine.h"

namespace zkq::sim {

// Null: no such machine. Its snapshots are larger by `ballast` bytes, which it expects
// back. By name:
//   kv     "put K V" answers "", "del K" and "cas K OLD NEW" answer "1" if they did
//          anything, else "0"; "get K" answers "=V", or "-" if there is none.
//   queue  "enq Q V" answers "", "deq Q" answers "=V", or "-" if it is empty. Nothing is
//          read.
std::unique_ptr<StateMachine> NewMachine(std::string_view name, size_t ballast = 0);

}  // namespace zkq::sim
