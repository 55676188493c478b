// The users of an Ensemble's peers, and what a runtime does for them: calls wait until their peer
// has room, go again when it says so, and are told that they have not happened if their time is
// over meanwhile.
#include "test/core/ensemble.h"

namespace zkq::core {

uint64_t Ensemble::Propose(ServerId sid, std::string command) {
  const uint64_t call = ++calls_;
  outcomes_[call] = "";
  asked_at_[call] = sid;
  if (!up(sid)) {
    Decide(call, "down");
  } else if (View(sid).role.state == PeerState::kLooking) {
    Decide(call, "no-leader");
  } else {
    commands_[call] = MakeCall(call, Payload(std::move(command)));
    at(sid).waiting.insert(call);
    BringCalls(sid);
  }
  return call;
}

// One at a time, so that each minds the room that the one before has left.
void Ensemble::BringCalls(ServerId sid) {
  Server& server = at(sid);
  while (server.peer && !server.waiting.empty() && server.peer->room() > 0) {
    const uint64_t call = *server.waiting.begin();
    server.waiting.erase(call);
    Step(sid, Proposed{{commands_.at(call)}});
  }
}

void Ensemble::TakeBack(Server& server, const ProposeAgain& again) {
  for (uint64_t call : again.tags) {
    if (!outcomes_[call].empty()) Violate("call " + std::to_string(call) + " goes again, decided");
    server.waiting.insert(call);
  }
}

void Ensemble::ExpireCalls(ServerId sid) {
  for (uint64_t call : std::exchange(at(sid).waiting, {})) Decide(call, "expired");
}

uint64_t Ensemble::Read(ServerId sid) {
  const uint64_t call = ++calls_;
  outcomes_[call] = "";
  asked_at_[call] = sid;
  read_floor_[call] = answered_;
  if (!up(sid)) {
    outcomes_[call] = "down";
  } else {
    Step(sid, ReadAsked{{call}});
  }
  return call;
}

uint64_t Ensemble::Change(ServerId sid, Membership next, Time time_left) {
  const uint64_t call = ++calls_;
  outcomes_[call] = "";
  asked_at_[call] = sid;
  if (!up(sid)) {
    outcomes_[call] = "down";
    return call;
  }
  Step(sid, ReconfigureAsked{call, std::move(next), time_left});
  After(time_left, [this, call] {
    if (outcomes_[call].empty()) outcomes_[call] = "late";
  });
  return call;
}

std::string Ensemble::Outcome(uint64_t call) const { return outcomes_.at(call); }

std::vector<uint64_t> Ensemble::Undecided() const {
  std::vector<uint64_t> undecided;
  for (const auto& [call, outcome] : outcomes_) {
    if (outcome.empty()) undecided.push_back(call);
  }
  return undecided;
}

}  // namespace zkq::core
