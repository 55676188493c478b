// SimProcess: one started transport of a simulated network, as the network sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "lib/link/link_table.h"
#include "zkq/message.h"

namespace zkq::testing {

struct SimProcess {
  Identity self = {};
  ServerId place{};  // its sid, or where another process of that sid is
  std::shared_ptr<link::LinkTable> table = nullptr;
  bool gone = false;    // shut down or crashed: nothing is told to it, and nothing comes from it
  bool paused = false;  // as by SIGSTOP: its kernel takes what comes, and it does nothing
  bool reads = true;    // false: it leaves everything in the kernel
  bool answers = true;  // false: what it accepts it never reads, and says nothing there
  std::map<ServerId, Notification> latest = {};  // for each peer, announced with its next link
  std::optional<uint64_t> sends_left = {};       // until it dies; 0: it has
  std::function<void(ServerId)> on_killed = nullptr;

  bool dead() const { return gone || sends_left == 0; }
  bool runs() const { return !dead() && !paused; }
  // It has said one thing more, and may have died of it.
  void Say() {
    if (dead() || !sends_left) return;
    if (--*sends_left == 0 && on_killed) on_killed(place);
  }
};
using SimProcessPtr = std::shared_ptr<SimProcess>;

}  // namespace zkq::testing
