// Learning, from its leader's plan on: the history becomes the leader's (PROTOCOL §7), grows by
// proposals, and is acknowledged once durable and delivered once committed (§8.2).
#include <algorithm>
#include <string>
#include <utility>

#include "lib/core/disk.h"
#include "lib/core/learning.h"

namespace zkq::core {

// --- synchronisation ---------------------------------------------------------------

void Learning::Handle(const Diff&) {
  if (stage_ != Stage::kPromised) return EndSession(SessionEndReason::kGap, "a plan out of turn");
  stage_ = Stage::kSyncing;
  synchronisation_.Add("diff after " + ToString(self_.history.last()));
}

void Learning::Handle(const Trunc& trunc) {
  if (stage_ != Stage::kPromised) return EndSession(SessionEndReason::kGap, "a plan out of turn");
  if (!self_.history.epochs().Contains(trunc.after)) {
    return EndSession(SessionEndReason::kGap, "asked to cut where there is nothing");
  }
  // INV-19. Somebody has lost what a quorum held: going on would hide it.
  if (trunc.after < self_.watermarks.commit) {
    self_.halt = {"asked by server " + ToString(choice_.leader) +
                      " to drop committed transactions: cut after " + ToString(trunc.after) +
                      ", committed " + ToString(self_.watermarks.commit),
                  /*lost=*/true};
    return;
  }
  synchronisation_.Add("trunc after " + ToString(trunc.after));
  self_.Truncate(trunc.after);
  stage_ = Stage::kSyncing;
}

// The snapshot replaces the whole history, in one write; then the leader is told
// anew where this learner stands and sends the rest as a plan of its own. So no
// second, staged history exists beside the live one (lib/core/README.md says why
// nothing committed can be lost in between).
void Learning::Handle(const Snap& snap) {
  const bool in_turn = stage_ == Stage::kPromised && snap.snapshot > self_.watermarks.commit;
  if (!in_turn || snap.snapshot.counter == 0 || snap.snapshot.epoch > session_.epoch) {
    return EndSession(SessionEndReason::kGap, "a snapshot out of turn");
  }
  synchronisation_.Add("snap at " + ToString(snap.snapshot));
  stage_ = Stage::kInstalling;
  fetching_ = snap.snapshot;
  write_ = 0;
  WaitForFetch();
  self_.Emit(FetchSnapshot{*link_, snap.snapshot, self_.state.ensemble});
}

// What comes next may be a piece from the leader, or a sync of the file that the pieces make.
void Learning::WaitForFetch() {
  give_up_at_ = self_.now + LimitOfDisk(init_limit_, self_.disk.slowest());
}

void Learning::On(const SnapshotFetched& fetched) {
  const bool ours = fetched.link == link_ && fetched.snapshot == fetching_;
  if (stage_ != Stage::kInstalling || !ours) return;
  WaitForFetch();
  if (fetched.state == SnapshotFetched::State::kProgress) return;
  fetching_.reset();
  if (fetched.state == SnapshotFetched::State::kFailed) {
    return EndSession(SessionEndReason::kGap, "the snapshot cannot be had");
  }
  ZKQ_CHECK(fetched.meta.zxid == fetched.snapshot);
  if (fetched.meta.ensemble != self_.state.ensemble) {
    return EndSession(SessionEndReason::kGap,
                      "the snapshot belongs to ensemble " + ToString(fetched.meta.ensemble));
  }
  write_ = self_.Install(fetched.meta);
  self_.watermarks.snapshot = std::max(self_.watermarks.snapshot, fetched.snapshot);
}

bool Learning::Extend(const std::vector<Txn>& txns) {
  Zxid last = self_.history.last();
  for (const Txn& txn : txns) {
    const bool follows = txn.prev == last && Follows(txn.zxid, last);
    if (!follows || txn.zxid.epoch > session_.epoch) return false;
    last = txn.zxid;
  }
  if (txns.empty()) return false;
  self_.Append(txns);
  return true;
}

void Learning::Handle(const Proposal& proposal) {
  if (!InSync() || !Extend(proposal.txns) || proposal.commit > self_.history.last()) {
    return EndSession(SessionEndReason::kGap, "a proposal that does not follow");
  }
  if (stage_ == Stage::kBroadcast) {
    self_.NoteLeaderTime(choice_.leader, proposal.txns.back().leader_time);
  }
  if (stage_ == Stage::kSyncing) synchronisation_.Add(proposal.txns);
  known_commit_ = std::max(known_commit_, proposal.commit);
  // A commit may have been told before the entries it speaks of were here.
  self_.Commit(known_commit_);
  FollowConfig();
  DecideCalls();
  SettleRequests(proposal.txns);
}

void Learning::Handle(const NewLeader& new_leader) {
  if (stage_ != Stage::kSyncing || new_leader.last != self_.history.last()) {
    return EndSession(SessionEndReason::kGap,
                      "the synchronised history does not end where it should");
  }
  acked_ = new_leader.last;  // by Ack{e,0}, once it is durable
  known_commit_ = std::max(known_commit_, new_leader.commit);
  // The epoch goes to disk after the history, never before it. Votes compare
  // epochs first: a crash between the two would leave a peer that wins elections
  // on the new epoch while missing transactions a quorum has committed.
  self_.state.current = session_.epoch;
  // An observer stores with it what it has not promised: should it vote one day, it has lived in
  // that epoch, and must not choose it, or a lower one, for itself. Nor has another got it to whom
  // it has promised it, be it this server.
  if (observes() && self_.state.accepted.epoch <= session_.epoch) {
    self_.state.accepted = {session_.epoch, choice_.leader, link_->boot};
  }
  write_ = self_.StoreState();
  stage_ = Stage::kAccepting;
  self_.Commit(known_commit_);
}

void Learning::On(const Synced&) {
  const bool awaited = write_ != 0 && self_.Durable(write_);
  if (awaited) ExtendDeadline();  // The leader has had no time to answer yet.
  if (awaited && stage_ == Stage::kPromising) {
    write_ = 0;
    SendAckEpoch();
  } else if (awaited && stage_ == Stage::kInstalling) {
    write_ = 0;
    SendAckEpoch();
  } else if (awaited && stage_ == Stage::kAccepting) {
    write_ = 0;
    stage_ = Stage::kAccepted;
    Reply(Ack{Zxid{session_.epoch, 0}});
  }
  self_.Deliver();
  SendAcks();
}

void Learning::SendAcks() {
  if (observes() || stage_ < Stage::kAccepted || self_.history.durable() <= acked_) return;
  acked_ = self_.history.durable();
  Reply(Ack{acked_});
}

void Learning::Handle(const UpToDate& up_to_date) {
  if (stage_ != Stage::kAccepted) {
    return EndSession(SessionEndReason::kGap, "up to date out of turn");
  }
  known_commit_ = std::max(known_commit_, up_to_date.commit);
  self_.Commit(known_commit_);
  FollowConfig();
  stage_ = Stage::kBroadcast;
  established_ = session_.epoch;
  undecided_before_ = up_to_date.last_proposed;
  DecideCalls();
  const ServerId leader = choice_.leader;
  self_.Tell(Line::kSynchronised,
             std::string(observes() ? "as an observer, " : "") + "with server " + ToString(leader) +
                 ", which leads epoch " + std::to_string(established_) + ": " +
                 synchronisation_.Text(self_.now),
             leader);
}

// --- broadcast ------------------------------------------------------------------------

void Learning::Handle(const Commit& commit) {
  if (!InSync() || commit.zxid > self_.history.last()) {
    return EndSession(SessionEndReason::kGap, "a commit of what was never proposed here");
  }
  known_commit_ = std::max(known_commit_, commit.zxid);
  self_.Commit(known_commit_);
  FollowConfig();
}

// A voter learns otherwise than an observer, from a session of its own. Who is listed no more
// goes on as it is.
void Learning::FollowConfig() {
  const Membership& committed = self_.memberships.committed();
  if (left_ || config_ == committed.version) return;
  config_ = committed.version;
  const Member* entry = FindMember(committed, self_.options.self);
  if (entry != nullptr && self_.LearnsAs() != choice_.kind) {
    Quit(observes() ? "it is a voter now" : "it is an observer now");
  }
}

// The configuration is in force, and somebody else leads under it: everybody goes there without
// an election (PROTOCOL §10.5). What is committed is so whatever becomes of that.
void Learning::Handle(const CommitAndActivate& commit) {
  if (!InSync() || commit.zxid > self_.history.last()) {
    return EndSession(SessionEndReason::kGap, "a configuration that was never proposed here");
  }
  known_commit_ = std::max(known_commit_, commit.zxid);
  self_.Commit(known_commit_);
  designated_ = commit.leader;
  Quit(commit.leader == kNoServer ? "its leader was left out of the configuration"
                                  : "its leader hands over to server " + ToString(commit.leader));
}

void Learning::Handle(const Ping& ping) {
  if (const auto confirmed = pings_.Take(ping, self_.now)) {
    self_.freshness.Confirm(confirmed->commit, confirmed->asked);
  }
  Reply(Pong{.seq = ping.seq,
             .durable = self_.history.durable(),
             .applied = self_.watermarks.applied,
             .installing = stage_ == Stage::kInstalling,
             .syncing = self_.Syncing(),
             .sync = self_.disk.slowest(),
             .taken = taken_});
}

}  // namespace zkq::core
