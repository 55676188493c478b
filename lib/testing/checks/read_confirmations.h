// ReadConfirmations: which reads a quorum has confirmed. A linearizable read may be
// answered once the servers of a quorum, each after the read was asked, have told one
// leader that they follow it (PROTOCOL §13.1): nothing can have been committed
// elsewhere before that.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class ReadConfirmations {
 public:
  using Route = SimNetworkObserver::Route;

  void OnAsked(uint64_t call) { asked_[call] = ++now_; }
  void OnSent(const Route& route, const Session& session, const Pong& pong);
  void OnDelivered(const Route& route, const Session& session, const Pong& pong,
                   const MemberId& from);

  bool Waits(uint64_t call) const { return asked_.contains(call); }
  void OnDone(uint64_t call) { asked_.erase(call); }

  // Who has confirmed a leader, in one of its lives, since the call was made.
  struct Confirmed {
    ServerId leader{};
    uint64_t boot = 0;
    std::set<MemberId> by = {};
  };
  std::vector<Confirmed> Of(uint64_t call) const;

 private:
  // One session, as its leader has it.
  struct Speaker {
    ServerId from{}, to{};
    uint64_t to_boot = 0, session = 0;
    auto operator<=>(const Speaker&) const = default;
  };
  static Speaker SpeakerOf(const Route& route, const Session& session) {
    return {route.from, route.to, route.to_boot, session.number};
  }

  uint64_t now_ = 0;  // counts what happens
  std::map<uint64_t, uint64_t> asked_;
  std::map<Speaker, std::map<uint64_t, uint64_t>> sent_;  // on its way: by seq, when it was sent
  // By leader, in one life: when the newest was sent that it has heard.
  std::map<std::pair<ServerId, uint64_t>, std::map<MemberId, uint64_t>> heard_;
};

}  // namespace zkq::testing
