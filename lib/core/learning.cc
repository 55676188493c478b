// Learning, step by step. What is said to the leader waits for the disk each time:
//
//   a link to the leader     FollowerInfo: what is promised and stored here
//   LeaderInfo               the promise of its epoch; once durable, AckEpoch with the
//                            history as it is now
//   Diff, Trunc              the live history becomes a prefix of the leader's, and
//                            grows by proposals
//   Snap                     the history is replaced; once durable, AckEpoch again
//   NewLeader                the epoch, stored after the history; once durable, Ack{e,0}
//   UpToDate                 the leader is established: serves, decides older calls
//   Proposal, Commit         logged; once durable, acknowledged, and delivered as far as
//                            committed
//
// A leader that renews its epoch sends LeaderInfo again, and all these steps are taken
// once more in the same session. A message out of turn ends the session: the next one
// begins from what is on the disk.
#include "lib/core/learning.h"

#include <algorithm>
#include <string>
#include <utility>

#include "lib/core/disk.h"
#include "lib/core/limits.h"
#include "lib/core/session_end.h"

namespace zkq::core {
// --- attaching ------------------------------------------------------------------

void Learning::Enter() {
  give_up_at_ = began_ + init_limit_;
  Attach();
}

// A learner that counted time otherwise than its leader would leave one that is well.
void Learning::TakeLimits(const Identity& leader) {
  const Identity own = self_.identity();
  if (SameLimits(leader, own) || !HasLimits(leader)) return;
  init_limit_ = leader.tick * leader.init_limit;
  sync_limit_ = leader.tick * leader.sync_limit;
  give_up_at_ = began_ + init_limit_;
  if (!self_.terms.other_limits.insert(leader.sid).second) return;
  self_.Tell(Line::kLimitsDiffer,
             "server " + ToString(leader.sid) + ", which leads, has " + LimitsText(leader) +
                 ", this server " + LimitsText(own) + ": the leader's count while it is followed",
             leader.sid);
}

void Learning::Attach() {
  if (stage_ != Stage::kConnecting || self_.now < self_.terms.next_attach) return;
  const Identity* leader = self_.links.PeerOf(choice_.leader);
  if (leader == nullptr || !self_.IsMember(*leader)) return link_.reset();
  link_ = self_.links.To(choice_.leader);
  TakeLimits(*leader);
  self_.terms.next_attach = self_.now + self_.options.tick;
  session_ = {.number = ++self_.terms.sessions, .epoch = 0};
  stage_ = Stage::kFollowerInfoSent;
  leads_since_asked_ = false;
  Reply(FollowerInfo{.accepted = self_.state.accepted,
                     .current = self_.state.current,
                     .last = self_.history.last(),
                     .look_seq = choice_.look_seq,
                     .config = self_.state.config.version});
}

void Learning::Leave() {
  if (stage_ > Stage::kConnecting && link_ && self_.links.Find(*link_) != nullptr) {
    Reply(SessionEnd{SessionEndReason::kLeaving});
  }
  self_.RejectCalls(requests_.Drop(), RejectReason::kNoLeader);
  self_.RejectCalls({reads_.begin(), reads_.end()}, RejectReason::kNoLeader);
  reads_.clear();
}

void Learning::EndSession(SessionEndReason reason, std::string why) {
  Reply(SessionEnd{reason});
  stage_ = Stage::kConnecting;  // said already: Leave has nothing to add
  Quit(std::move(why));
}

void Learning::Reply(MessageBody body) {
  ZKQ_CHECK(link_.has_value());
  self_.SendTo(*link_, session_, std::move(body));
}

void Learning::On(const LinkUp& up) {
  if (up.link.sid == choice_.leader) Attach();
}

void Learning::On(const Introduced& introduced) {
  if (introduced.link.sid == choice_.leader) Attach();  // it belongs to the ensemble now
}

void Learning::On(const LinkDown& down) {
  if (down.link.sid != choice_.leader) return;
  const bool gone = stage_ == Stage::kConnecting && !self_.links.To(choice_.leader);
  if (gone || link_ == down.link) Quit("the link to the leader is down");
}

void Learning::On(const Notified& notified) {
  if (notified.link.sid != choice_.leader || stage_ > Stage::kFollowerInfoSent) return;
  const Notification& n = notified.notification;
  if (n.state == PeerState::kLeading) {
    if (asked_too_early_) self_.terms.next_attach = self_.now;
    asked_too_early_ = false;
    leads_since_asked_ = stage_ == Stage::kFollowerInfoSent;
    Attach();
  } else if (n.state == PeerState::kFollowing) {
    Quit("the elected leader follows another");
  } else if (n.state == PeerState::kLooking &&
             Look{notified.link.boot, n.look_seq} > choice_.leader_look) {
    Quit("the elected leader looks again");
  }
}

void Learning::On(const Tick&) {
  Attach();
  if (self_.now < give_up_at_) return;
  // What is waited for here is this peer's own disk.
  if (write_ != 0 && self_.Syncing()) return ExtendDeadline();
  if (stage_ == Stage::kConnecting) return Quit("the elected leader cannot be reached");
  EndSession(SessionEndReason::kTimeout, "the leader is silent");
}

Time Learning::NextWake() const {
  // From next_attach on, an event begins the next attempt (LinkUp, Notified): no timer.
  const bool retries = stage_ == Stage::kConnecting && self_.terms.next_attach > self_.now;
  return retries ? std::min(give_up_at_, self_.terms.next_attach) : give_up_at_;
}

ZabPhase Learning::phase() const {
  if (stage_ <= Stage::kPromised) return ZabPhase::kDiscovery;
  return stage_ == Stage::kBroadcast ? ZabPhase::kBroadcast : ZabPhase::kSynchronization;
}

void Learning::Mark(Marks* marks) const {
  if (stage_ == Stage::kConnecting) return;
  marks->attached = true;
  marks->linked = link_ && link_->sid == choice_.leader && self_.links.Find(*link_) != nullptr &&
                  session_.number == self_.terms.sessions;
  marks->counted = counted_;
  marks->promised =
      link_ && self_.state.accepted == Promise{session_.epoch, choice_.leader, link_->boot};
  marks->promise_told = stage_ >= Stage::kPromised;
  marks->epoch_told = stage_ >= Stage::kAccepted;
  if (marks->epoch_told) marks->acked = acked_;
}

// --- messages ----------------------------------------------------------------------

void Learning::On(const Received& received) {
  const Message& message = received.message;
  if (!link_ || received.link != *link_ || stage_ == Stage::kConnecting) return;
  const bool to_all =
      stage_ > Stage::kFollowerInfoSent && message.session == Session{0, session_.epoch};
  if (message.session != session_ && !to_all) return;
  if (IsProgress(message.body)) ExtendDeadline();
  std::visit([this](const auto& body) { Handle(body); }, message.body);
}

// A refusal is none: the budget for reaching the leader goes on. Nor is a ping while a plan
// is waited for, unless the leader's disk is at work, or while a snapshot is fetched: only
// the fetch itself is.
bool Learning::IsProgress(const MessageBody& body) const {
  if (std::holds_alternative<SessionEnd>(body) || stage_ == Stage::kInstalling) return false;
  const auto* ping = std::get_if<Ping>(&body);
  return ping == nullptr || ping->syncing || InSync();
}

void Learning::ExtendDeadline() {
  give_up_at_ = self_.now + (InSync() ? sync_limit_ : init_limit_);
}

// Parts of later messages are no progress of one that waits for the disk: they must not hide
// that it hangs.
void Learning::On(const PartReceived& part) {
  if (part.link != link_ || stage_ == Stage::kConnecting) return;
  if (self_.Drained()) taken_ += part.bytes;
  if (stage_ == Stage::kInstalling) return;
  ExtendDeadline();
  // On a thin line the leader's next ping waits behind the rest, and the leader for an answer.
  if (!InSync() || self_.now < next_pong_at_) return;
  next_pong_at_ = self_.now + self_.options.tick / 2;
  Handle(Ping{});
}

template <typename Other>
void Learning::Handle(const Other&) {
  self_.Emit(DropLink{*link_, "a learner's message sent to a learner"});
}

void Learning::Handle(const SessionEnd& end) {
  if (end.reason == SessionEndReason::kNotLeading && stage_ == Stage::kFollowerInfoSent) {
    // The leader had not decided yet. Its announcement, which may have come before this
    // answer, or a tick, begins another attempt.
    stage_ = Stage::kConnecting;
    asked_too_early_ = !leads_since_asked_;
    if (!leads_since_asked_) return;
    self_.terms.next_attach = self_.now;
    return Attach();
  }
  stage_ = Stage::kConnecting;
  Quit("the leader has ended the session: " + std::string(Meaning(end.reason)));
}

// --- discovery ---------------------------------------------------------------------

void Learning::Handle(const LeaderInfo& info) {
  // From a live leader this renews the epoch in place (PROTOCOL §9.5).
  if (stage_ != Stage::kFollowerInfoSent && stage_ != Stage::kBroadcast) return;
  const Promise asked{info.epoch, choice_.leader, link_->boot};
  const Promise& given = self_.state.accepted;
  if (Refuse(info, asked)) return;
  // An epoch promised to somebody else counts for nobody here, but once its
  // quorum is complete no other leader can get it.
  counted_ = info.epoch > given.epoch || asked == given;
  session_.epoch = info.epoch;
  synchronisation_ = Synchronisation(self_.now);
  stage_ = Stage::kPromising;
  ExtendDeadline();  // of a renewal, too: until its quorum is complete the leader says nothing
  if (asked == given) return SendAckEpoch();
  self_.state.accepted = asked;
  write_ = self_.StoreState();
}

bool Learning::Refuse(const LeaderInfo& info, const Promise& asked) {
  const Promise& given = self_.state.accepted;
  // Two leaders of one epoch: until the quorum of this one is complete the other may get it.
  // It has got it if the history of that epoch is held here.
  const bool others = !info.decided || self_.state.current == info.epoch;
  if (info.epoch == 0) {
    EndSession(SessionEndReason::kGap, "the leader names no epoch");
  } else if (self_.EpochIsAbsurd(info.epoch)) {
    self_.CountAsDown(*link_, "leads in epoch " + std::to_string(info.epoch));
    EndSession(SessionEndReason::kEpochAbsurd, "the leader's epoch is absurd");
  } else if (info.epoch < given.epoch) {
    EndSession(SessionEndReason::kEpochAhead, "a higher epoch is promised");
  } else if (info.epoch == given.epoch && asked != given && others) {
    EndSession(SessionEndReason::kNotDecided, "this epoch is promised to another leader");
  }
  return left_.has_value();
}

void Learning::SendAckEpoch() {
  stage_ = Stage::kPromised;
  AckEpoch ack{.last = self_.history.last(),
               .base = self_.history.begin(),
               .table = self_.history.epochs().Table()};
  if (counted_) ack.current = self_.state.current;
  Reply(std::move(ack));
}

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
  requests_.SettleAll();
  SendRequests();
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
  if (stage_ < Stage::kAccepted || self_.history.durable() <= acked_) return;
  acked_ = self_.history.durable();
  Reply(Ack{acked_});
}

void Learning::Handle(const UpToDate& up_to_date) {
  if (stage_ != Stage::kAccepted) {
    return EndSession(SessionEndReason::kGap, "up to date out of turn");
  }
  known_commit_ = std::max(known_commit_, up_to_date.commit);
  self_.Commit(known_commit_);
  stage_ = Stage::kBroadcast;
  established_ = session_.epoch;
  undecided_before_ = up_to_date.last_proposed;
  DecideCalls();
  const ServerId leader = choice_.leader;
  self_.Tell(Line::kSynchronised,
             "with server " + ToString(leader) + ", which leads epoch " +
                 std::to_string(established_) + ": " + synchronisation_.Text(self_.now),
             leader);
}

// --- broadcast ------------------------------------------------------------------------

void Learning::Handle(const Commit& commit) {
  if (!InSync() || commit.zxid > self_.history.last()) {
    return EndSession(SessionEndReason::kGap, "a commit of what was never proposed here");
  }
  known_commit_ = std::max(known_commit_, commit.zxid);
  self_.Commit(known_commit_);
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
