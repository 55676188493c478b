// LaneOrder: what arrives on a link is a beginning of what was sent there, lane by
// lane, and every message stands in a session that this link has opened (INV-23). A
// ZAB session that stays on its link is then delivered as a prefix of what was sent.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <tuple>

#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class LaneOrder {
 public:
  using Route = SimNetworkObserver::Route;

  std::optional<Violation> OnSent(const Route& route, const Message& message);
  std::optional<Violation> OnDelivered(const Route& route, const Message& message);
  // route.to has heard that the link is down; the other end may still send.
  void OnLinkDown(const Route& route);
  void OnCrashed(ServerId sid);

 private:
  // Receiver and sender, by process life, and the link.
  using Way = std::tuple<ServerId, ServerId, uint64_t, uint64_t, uint64_t>;
  struct Sent {
    std::deque<uint64_t> zab = {}, control = {};  // fingerprints, oldest first
    std::optional<Epoch> informed = {};           // by the last LeaderInfo
    bool written = true;                          // its sender does not know of its end
    bool read = true;                             // nor does its receiver
  };
  static Way WayOf(const Route& route);
  static Way WayBack(const Way& way);
  void EndReading(const Way& way);
  void EndWriting(const Way& way);
  std::optional<Violation> CheckSession(const Route& route, const Message& message, Sent* sent);

  std::map<Way, Sent> sent_;
  // By learner, its process life and its count of sessions.
  std::map<std::tuple<ServerId, uint64_t, uint64_t>, uint64_t> session_links_;
};

}  // namespace zkq::testing
