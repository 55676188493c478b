// Self: what a peer is and has whatever its role: its options, hard state and
// history, who it is linked with, what it knows committed, its user's calls, and
// the effects of the step that is running. Roles hold a reference to it and keep
// to themselves what means something in one role only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/checks.h"
#include "lib/core/disk.h"
#include "lib/core/effect.h"
#include "lib/core/freshness.h"
#include "lib/core/history.h"
#include "lib/core/invariants.h"
#include "lib/core/links.h"
#include "lib/core/look.h"
#include "lib/core/membership.h"
#include "lib/core/outcomes.h"
#include "lib/core/own_changes.h"
#include "lib/core/peer.h"
#include "lib/core/quorum.h"

namespace zkq::core {

// How far this replica has come.
struct Watermarks {
  Zxid commit = {};  // known committed, in the live history
  Zxid delivered = {};
  Zxid applied = {};
  Zxid snapshot = {};  // the newest of this replica, durable and verified
};

// What was handed to the journal.
struct Writes {
  WriteId last = 0;
  WriteId synced = 0;
  std::optional<WriteId> install = {};  // of a snapshot, until it is durable
  // The newest promise and the newest epoch, and the writes that have them.
  Promise promise = {};
  WriteId promise_write = 0;
  Epoch epoch = 0;
  WriteId epoch_write = 0;
};

// What one term leaves to the next.
struct Terms {
  uint64_t sessions = 0;  // numbers given to sessions in this process life
  Time next_attach{};     // a refused learner does not ask again before this
  std::optional<Time> last_renewal = {};
  // As what the last leader wants this peer to attach next, whatever it is listed as.
  std::optional<LearnerKind> attach_as = {};
  // Leaders of which it was said that their time is another, or that they count time otherwise.
  std::set<ServerId> other_clocks = {};
  std::set<ServerId> other_limits = {};
};

class Self {
 private:
  Invariants invariants_;  // first: what follows is given its address

 public:
  Self(PeerOptions options, Recovered recovered);

  Invariants& invariants() { return invariants_; }

  // --- the running step --------------------------------------------------------
  void Emit(Effect effect);
  void SendTo(const LinkId& link, const Session& session, MessageBody body);
  void Tell(Line line, std::string text, ServerId about = kNoServer) {
    Emit(Note{line, std::move(text), about});
  }
  Time Ticks(int n) const { return options.tick * n; }

  // --- the journal ---------------------------------------------------------------
  // Each hands over one write and returns its number; Synced(n) makes it durable.
  WriteId StoreState();
  WriteId Append(std::vector<Txn> txns);
  WriteId Truncate(Zxid after);
  WriteId Install(const SnapshotMeta& snapshot);
  bool Durable(WriteId write) const { return write <= writes.synced; }
  bool Drained() const { return writes.synced == writes.last; }
  // A sync is under way, and the disk has not stood still for longer than it may.
  bool Syncing() const;
  // state.accepted and state.current, as they are now.
  bool PromiseIsDurable() const {
    return writes.promise == state.accepted && Durable(writes.promise_write);
  }
  bool EpochIsDurable() const {
    return writes.epoch == state.current && Durable(writes.epoch_write);
  }

  // --- what is committed -----------------------------------------------------------
  // `known` is committed: raises the watermark as far as the live history reaches,
  // and delivers what is also durable here (INV-18). To be called only while the
  // live history is known to be a prefix of the leader's (PROTOCOL §7.2 W1).
  void Commit(Zxid known);
  void Deliver();

  // --- calls ---------------------------------------------------------------------
  void RejectCalls(std::vector<uint64_t> tags, RejectReason reason);
  void RefuseWithoutLeader(const Proposed& proposed);
  void RefuseWithoutLeader(const ReadAsked& asked);
  void RefuseWithoutLeader(const ReconfigureAsked& asked);
  void RefuseChange(uint64_t tag, RejectReason reason, std::string text = {},
                    std::vector<uint64_t> servers = {});
  // A leader has refused it. False: not a change of this replica's.
  bool TakeRefusal(uint64_t tag, RejectReason reason, std::string text,
                   std::vector<uint64_t> servers);
  // Those that are done, with what is committed and delivered.
  void CompleteChanges();
  void ProposeAgain(std::vector<uint64_t> tags, bool sent);
  // An epoch is established: the calls of earlier sessions are decided.
  void DecideCalls(uint64_t session);

  // A history like this one's leads to no such epoch of a leader, and to no such promise
  // of a voter: it was damaged, or is forged. Who has neither entry nor epoch may begin
  // anywhere, but where the epochs end (PROTOCOL §6.2, §6.3).
  bool EpochIsAbsurd(uint64_t epoch) const;
  bool PromiseIsAbsurd(Epoch epoch) const;
  // The server at the other end has spoken of an absurd epoch: it is not electable here
  // while it has that disk. Tells so once.
  void CountAsDown(const LinkId& link, const std::string& what);

  // The peer at the other end belongs to this ensemble, listed or not.
  bool InEnsemble(const Identity& peer) const;
  // Who is linked, of those.
  std::set<MemberId> Linked() const;
  MemberId me() const { return {options.self, state.disk}; }
  // This server is listed as a voter, with the disk that it has.
  bool votes() const { return votes_; }
  Standing standing() const;
  // As what it attaches to a leader (PROTOCOL §1).
  LearnerKind LearnsAs() const;
  Identity identity() const;
  // Adds what is to be checked whatever the role.
  void Mark(Marks* marks) const;

  const PeerOptions options;
  std::string election;  // the name of its strategy
  HardState state;       // as last handed to the journal
  Memberships memberships;
  History history;
  Quorum quorum;  // of memberships.configs()
  Id128 seen;     // while unfounded: Identity::seen
  Outcomes outcomes;
  OwnChanges changes;
  Watermarks watermarks;
  Freshness freshness;
  Writes writes;
  Disk disk;
  Links links;
  LastWords last_words;
  Terms terms;
  Time now{};
  int64_t wall = 0;  // within what leader_time can be
  // By how much the last leader_time that `leader` has proposed is ahead of `wall`, which
  // may have been set since: microseconds.
  struct LeaderClock {
    ServerId leader = kNoServer;
    int64_t ahead = 0;
  };
  LeaderClock leader_clock;
  Effects* effects = nullptr;
  std::optional<Halt> halt;  // going on would lose something, or is impossible

  // The ensemble was founded with it, or another server says that it is committed.
  void Adopt(const Membership& committed);
  // Of the hard state: what is committed. The caller stores it.
  void SetConfig(Membership committed);

  // Takes over what has changed of the configurations, and stores what is committed. Once
  // in the first step, for what the log at the start had.
  void FollowMemberships();
  void NoteSynced(const Synced& synced);
  void NoteApplied(Zxid through);
  void NoteTime(const Tick& tick);
  // That is the time of what the leader has just proposed.
  void NoteLeaderTime(ServerId leader, int64_t time);
  // The time of that leader is so far ahead of this server's clock, or less than 0 after it;
  // 0: no more than clocks may differ, or not known.
  Time ClockOff(ServerId leader) const;

 private:
  void TakeConfigs();
  bool IsListedIn(const Membership& membership) const;  // with the disk that it has
  WriteId NextWrite();

  uint64_t followed_ = 0;  // of memberships.changes()
  bool votes_ = false;
};

}  // namespace zkq::core
