// What a replica tells of itself: its status, and the events that say it has changed. Both
// are copies: they share nothing with the replica.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "zkq/types.h"

namespace zkq {
inline namespace v1 {

// To each other member, and to each other server that is linked.
struct LinkStatus {
  ServerId id{};
  MemberType type =
      MemberType::kParticipant;  // as it learns from this leader; else as it is listed
  // kMember, if it is listed with the disk that it has; kUnlisted, an observer without an id of its
  // own; kJoining, any other that is linked: it may also have been removed. kUnfounded, as long as
  // this server is.
  Standing standing = Standing::kMember;
  bool up = false;
  absl::Duration since = absl::ZeroDuration();  // it has been up, or down, for so long
  // Why it is down, in words and as a code: zkq/quorum_transport.h, LinkState.
  absl::Status error = absl::OkStatus();
  absl::Duration round_trip = absl::InfiniteDuration();  // of the newest handshake
  // What follows a leader alone knows, of who learns from it; elsewhere as here.
  Zxid durable = {};
  Zxid applied = {};
  uint64_t transactions_behind = 0;  // of the leader's log, not applied there
  uint64_t bytes_behind = 0;         // an estimate: so many of the mean size of the newest ones
  bool caught_up = false;            // has lacked nothing older than sync_limit for three pings
};

struct ReplicaStatus {
  ServerId id{};
  PeerState state = PeerState::kLooking;
  ZabPhase phase = ZabPhase::kElection;
  Standing standing = Standing::kUnfounded;
  std::optional<ServerId> leader = {};  // established, as far as this replica knows
  Epoch epoch = 0;                      // the epoch it takes part in
  // The epoch it leads: established, and everything before it is applied here. A hint, and a
  // fencing token: another may lead a later one already.
  std::optional<Epoch> leads = {};
  Zxid last_logged = {};     // durable here
  Zxid last_committed = {};  // known here to be; never below last_applied
  Zxid last_applied = {};    // by the state machine here
  Zxid last_snapshot = {};   // the newest that is durable here
  // Every write that was acknowledged longer ago is applied here: how far this server is from
  // linearizable reads, by a clock that counts suspended time. A leader, too, has some: it is
  // renewed by pings, each half tick.
  absl::Duration staleness = absl::InfiniteDuration();
  uint64_t transactions_behind = 0;  // known to be committed, not applied here
  Membership membership = {};        // the committed one; before founding the list it was
                                     // started with, and kNotAgreed
  // Of who leads: a change of it is proposed, and not settled yet. Until then those that it leaves
  // out may be needed, and a quorum of it as well.
  bool changing = false;
  EnsembleId ensemble = {};            // none before founding
  std::string listen_address = {};     // with the port it got; as QuorumTransport tells it
  std::vector<LinkStatus> links = {};  // ordered by id
  size_t outstanding_bytes = 0;        // of max_outstanding_bytes
  absl::Duration last_sync_latency = absl::ZeroDuration();  // of the newest fsync of the log
  // OK: send it traffic: its staleness is at most tick * sync_limit of its leader (three ticks at
  // least), or what its disk needs if that is longer, and twice the round trip to it; so a failover
  // does not make everybody unready. Else why not yet: kUnavailable, also while it shuts down, or
  // as `health` says. Probes of readiness go by this.
  absl::Status ready = absl::OkStatus();
  // OK, or what a person must see to: for how long it has been so, what it is, and what would
  // help. All there is, the worst first, whose code it has:
  //   as zkq/replica.h says  it has halted
  //   kFailedPrecondition    its disk is another one than the listed; or it is not founded, and
  //                          another server has another list of members
  //   kUnavailable           not founded for init_limit; or no leader for 10 s
  //   kDeadlineExceeded      its disk is slow: half of its last 8 syncs took more than a sixth of
  //                          tick * sync_limit; or hangs: no sync has ended within six times the
  //                          slowest of them, and within tick * sync_limit
  //   kOutOfRange            its clock is more than a minute off leader_time, as last proposed
  absl::Status health = absl::OkStatus();
  // The replica has ended for good: it takes no part and fails every call until it is started
  // anew; `health` says why. Probes of liveness and daemons go by this alone.
  bool halted = false;
};

// One line, for a log or a status page; for people, so it may change:
//   server=2 standing=member state=following phase=broadcast leader=1 epoch=4 logged=4:17
//   committed=4:17 applied=4:16 snapshot=3:9 staleness=40ms behind=1 linked=1 unlinked=3
//   listen=127.0.0.1:7102 health=OK
// What is not known or none is left out; "leads" and "halted" stand there if it is so, and `ready`
// if it is not OK.
ZKQ_EXPORT std::string ToString(const ReplicaStatus& status);

// At most one event of a kind waits to be delivered, with the newest status: a slow
// subscriber sees the newest of each kind, not every step between.
struct Event {
  enum class Kind {
    kRoleChanged,        // state, phase or standing; also the first of a subscription
    kLeaderChanged,      // leader, epoch or leads
    kReadyChanged,       // ready has become OK, or is no more
    kHealthChanged,      // health has become OK, or tells of something else
    kMembershipChanged,  // membership or changing
    kSnapshotTaken,      // last_snapshot is durable
    kSnapshotInstalled,  // one was fetched from a peer, and restored
  };
  Kind kind = Kind::kRoleChanged;
  ReplicaStatus status = {};
};

// Keeps events coming: they stop when it is destroyed or assigned to, which waits for an
// event call that runs, unless it happens inside of one. May outlive the replica. One thread
// at a time.
class ZKQ_EXPORT Subscription {
 public:
  class Impl;
  Subscription() = default;
  explicit Subscription(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  Subscription(Subscription&&) noexcept = default;
  Subscription& operator=(Subscription&&) noexcept;
  ~Subscription();

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace zkq
