// Election: decides which voter should lead.
//
// An election is a heuristic chooser: safety rests on discovery and
// synchronisation alone. In a calm network it must name the same electable voter
// at a quorum, and prefer the most recent history.
//
// Pure: it sends nothing, waits for nothing, reads no clock and fails in no way. The caller
// delivers the outbox and ticks. One thread, the owner's, calls it. An implementation of your
// own is handed to ReplicaOptions::election.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "zkq/message.h"

namespace zkq {
inline namespace v1 {

// Microseconds of a monotonic clock since the peer's start.
using Time = std::chrono::microseconds;

// The configurations that count: the committed one, and the one a transaction
// in the log would replace it by. A quorum is a quorum of each.
struct Configs {
  Membership committed = {};
  std::optional<Membership> pending = {};
  friend bool operator==(const Configs&, const Configs&) = default;
};

// One that is not consistent (a vote for nobody, kLeading and a vote for another server,
// kFollowing and a vote for this one) halts the replica, with kInternal.
struct Decision {
  Vote vote = {};
  PeerState state = PeerState::kLooking;  // kLeading or kFollowing
  friend bool operator==(const Decision&, const Decision&) = default;
};

// Newest announcement for each peer; a later one replaces the earlier.
using Outbox = std::map<ServerId, Notification>;

class ZKQ_EXPORT Election {
 public:
  virtual ~Election() = default;

  // Of the strategy, told in each handshake: servers that elect in different ways do not
  // link. At most kElectionNameMax bytes, always the same.
  virtual std::string_view name() const = 0;
  // Who this server is, and who votes, from now on. Before all else, and whenever it changes;
  // in a round the present one goes on.
  virtual void SetConfigs(const MemberId& self, const Configs& configs) = 0;
  // Begins a round with `own` as the first proposal. A vote for kNoServer only
  // asks: it is answered and never counted, and what looking peers say elects
  // nobody here. Who asks finds a leader by the word of those who follow one or lead.
  virtual void Look(const Vote& own, Time now, Outbox* out) = 0;
  // The peer has settled, or what it settled on has changed: from now on it
  // answers with `vote` until the next Look.
  virtual void Settle(PeerState state, const Vote& vote, Outbox* out) = 0;
  // A notification of a server of this ensemble has come, in whatever state: a settled peer
  // still answers. Whether the sender's vote counts the election decides: the disk at the other
  // end may not be the one that is listed.
  virtual void Receive(const MemberId& from, const Notification& n, Time now, Outbox* out) = 0;
  // The first link to a server of this ensemble is up, or its last one is gone.
  virtual void PeerUp(const MemberId& peer, Time now, Outbox* out) = 0;
  virtual void PeerDown(const MemberId& peer, Time now, Outbox* out) = 0;
  // Time has passed. May come at any time; `now` never falls.
  virtual void Tick(Time now, Outbox* out) = 0;
  // When the next Tick is wanted at the latest; nothing: no time limit runs.
  virtual std::optional<Time> NextWake() const = 0;
  // Set from the decision of the running round until the next Look.
  virtual std::optional<Decision> outcome() const = 0;
  // What this peer announces now; the outbox has the same. The peer reads from it, here and
  // in what others announce: `vote`; `state`, which is kLooking from each Look until the
  // decision; and `look_seq`, which must be larger after each Look than before, for by it an
  // announcement that came late is told from a newer one. It adds `membership`, and what is
  // `pending` here. Other fields are the strategy's; `config` is SetConfigs' committed version.
  virtual Notification current() const = 0;
};

struct FastLeaderElectionOptions {
  // How long a quorum's choice is held open for a better vote; cut short as
  // soon as every voter with a live link has voted in this round.
  Time finalize_wait = std::chrono::milliseconds(50);
  // Announcements are repeated after the first interval, then ever more rarely.
  Time min_interval = std::chrono::milliseconds(100);
  Time max_interval = std::chrono::milliseconds(2000);
  // How long candidates without links to a quorum are passed over; then they will do if
  // there is no other. After that long in a look the word of a leader is enough, too.
  Time patience = std::chrono::milliseconds(1000);
};
// ZooKeeper's FastLeaderElection; lib/core/fast_leader_election.h says how it goes.
ZKQ_EXPORT std::unique_ptr<Election> NewFastLeaderElection(
    const FastLeaderElectionOptions& options);

}  // namespace v1
}  // namespace zkq
