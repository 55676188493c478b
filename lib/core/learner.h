// Learner: what a leader knows of one session with one learner, and how it feeds
// that learner: a cursor into its own history, moved on as far as the credit
// goes. The cursor is set in the same step that chooses the plan, so nothing can
// fall between synchronisation and broadcast (PROTOCOL §7.1 S3).
#pragma once

#include <deque>

#include "lib/core/self.h"
#include "lib/core/sync_plan.h"

namespace zkq::core {

class Learner {
 public:
  enum class Step {
    kWaiting,  // FollowerInfo received, LeaderInfo not sent
    kLeaderInfoSent,
    kPromised,    // AckEpoch received; waits for the leader's discovery to end
    kInstalling,  // Snap sent; says AckEpoch again once it is installed
    kFeeding,     // plan sent, NewLeader not
    kAccepting,   // NewLeader sent
    kSynced,      // Ack of NewLeader received
  };

  Learner(const LinkId& link, const Session& session, const FollowerInfo& info)
      : link(link), session(session), info(info) {}

  // Chooses the plan for the history told in `ack` and begins to feed. False:
  // there is no way to bring this learner up.
  bool Plan(Self* self);
  // Sends what the credit allows, and NewLeader behind the plan's end.
  void Pump(Self* self);
  // What a ReadLog brought. False: the log does not reach back any more.
  bool Feed(Self* self, std::vector<Txn> txns);
  // Everything up to `zxid` is durable at the learner: its credit returns.
  void Returned(Zxid zxid);
  // The live feed sent these itself, to all who were up to date at once.
  void Fed(const std::vector<Txn>& txns);
  // The next proposals can be sent directly: nothing is owed before them.
  bool UpToDate(Zxid last, size_t credit) const {
    return step >= Step::kAccepting && sent == last && !reading && credit_used_ < credit;
  }

  const LinkId link;
  Session session;
  FollowerInfo info;
  AckEpoch ack;
  Step step = Step::kWaiting;
  Zxid target;   // where the plan ends: NewLeader's last
  Zxid sent;     // the cursor
  Zxid match;    // durable at the learner, from Ack; the session's own
  Zxid durable;  // by its last Pong; information only
  Zxid commit_sent;
  Zxid snapshot;  // kInstalling: which
  uint64_t ponged = 0;
  bool reading = false;  // a ReadLog is out
  Time heard{};          // when its last frame came
  Time deadline{};       // silent until then: gone
  Time advanced{};       // when `match` last rose, or there was nothing to rise to

 private:
  struct Portion {
    Zxid last{};
    size_t bytes = 0;
  };
  void SendProposal(Self* self, std::vector<Txn> txns);

  std::deque<Portion> portions_;  // sent and not yet durable there
  size_t credit_used_ = 0;        // bounded by PeerOptions::credit_bytes plus one portion
};

// A proposal message carries at most this much, but at least one entry.
inline constexpr size_t kProposalBytesMax = 1 << 20;

}  // namespace zkq::core
