#include "lib/core/following.h"

#include <algorithm>
#include <utility>

namespace zkq::core {

Following::Following(Self* self, ServerId leader, uint64_t look_seq, Look leader_look)
    : self_(*self), leader_(leader), look_seq_(look_seq), leader_look_(leader_look) {}

// --- attaching ------------------------------------------------------------------

void Following::Enter() {
  give_up_at_ = self_.now + self_.Ticks(self_.options.init_limit);
  Attach();
}

void Following::Attach() {
  if (step_ != Step::kConnecting || self_.now < self_.next_attach) return;
  link_ = self_.LinkTo(leader_);
  if (!link_ || !self_.IsMember(self_.links.at(*link_))) {
    link_.reset();
    return;
  }
  self_.next_attach = self_.now + self_.options.tick;
  session_ = {.number = ++self_.sessions, .epoch = 0};
  step_ = Step::kInformed;
  Reply(FollowerInfo{.accepted = self_.state.accepted,
                     .current = self_.state.current,
                     .last = self_.history.last(),
                     .look_seq = look_seq_,
                     .config = self_.state.config.version});
}

void Following::Leave() {
  if (step_ > Step::kConnecting && link_ && self_.links.contains(*link_)) {
    Reply(SessionEnd{SessionEndReason::kLeaving});
  }
  self_.RejectCalls({reads_.begin(), reads_.end()}, RejectReason::kNoLeader);
  reads_.clear();
}

void Following::EndSession(SessionEndReason reason, std::string why) {
  Reply(SessionEnd{reason});
  step_ = Step::kConnecting;  // said already: Leave has nothing to add
  Quit(std::move(why));
}

void Following::On(const LinkUp& up) {
  if (up.link.sid == leader_) Attach();
}

void Following::On(const Introduced& introduced) {
  if (introduced.link.sid == leader_) Attach();  // it belongs to the ensemble now
}

void Following::On(const LinkDown& down) {
  if (link_ == down.link) Quit("the link to the leader is down");
}

void Following::On(const Notified& notified) {
  if (notified.link.sid != leader_ || step_ > Step::kInformed) return;
  const Notification& n = notified.notification;
  if (n.state == PeerState::kLeading) {
    if (asked_too_early_) self_.next_attach = self_.now;
    asked_too_early_ = false;
    Attach();
  } else if (n.state == PeerState::kFollowing) {
    Quit("the elected leader follows another");
  } else if (n.state == PeerState::kLooking &&
             Look{notified.link.boot, n.look_seq} > leader_look_) {
    Quit("the elected leader looks again");
  }
}

void Following::On(const Tick&) {
  Attach();
  if (self_.now < give_up_at_) return;
  if (step_ == Step::kConnecting) return Quit("the elected leader cannot be reached");
  EndSession(SessionEndReason::kTimeout, "the leader is silent");
}

Time Following::NextWake() const {
  // Once an attempt is due it is an event that is waited for: a link, a word.
  const bool retries = step_ == Step::kConnecting && self_.next_attach > self_.now;
  return retries ? std::min(give_up_at_, self_.next_attach) : give_up_at_;
}

ZabPhase Following::phase() const {
  if (step_ <= Step::kPromised) return ZabPhase::kDiscovery;
  return step_ == Step::kBroadcast ? ZabPhase::kBroadcast : ZabPhase::kSynchronization;
}

// --- messages ----------------------------------------------------------------------

void Following::On(const Received& received) {
  const Message& message = received.message;
  if (!link_ || received.link != *link_ || step_ == Step::kConnecting) return;
  const bool to_all = step_ > Step::kInformed && message.session == Session{0, session_.epoch};
  if (message.session != session_ && !to_all) return;
  if (!std::holds_alternative<SessionEnd>(message.body)) self_.last_heard = self_.now;
  // A refusal is no progress: the budget for reaching the leader goes on. Nor is
  // a ping while a snapshot is fetched: only the fetch itself is.
  if (!std::holds_alternative<SessionEnd>(message.body) && step_ != Step::kInstalling) {
    const bool early = step_ < Step::kSyncing;
    give_up_at_ =
        self_.now + self_.Ticks(early ? self_.options.init_limit : self_.options.sync_limit);
  }
  std::visit([this](const auto& body) { Handle(body); }, message.body);
}

template <typename Other>
void Following::Handle(const Other&) {
  self_.Emit(DropLink{*link_, "a learner's message sent to a learner"});
}

void Following::Handle(const SessionEnd& end) {
  if (end.reason == SessionEndReason::kNotLeading && step_ == Step::kInformed) {
    // It has not decided yet. Its announcement, or the next tick, tries again.
    step_ = Step::kConnecting;
    asked_too_early_ = true;
    return;
  }
  step_ = Step::kConnecting;
  Quit("the leader has ended the session");
}

// --- discovery ---------------------------------------------------------------------

void Following::Handle(const LeaderInfo& info) {
  // From a live leader this renews the epoch in place (PROTOCOL §9.5).
  if (step_ != Step::kInformed && step_ != Step::kBroadcast) return;
  const Promise asked{info.epoch, leader_, link_->boot};
  const Promise& given = self_.state.accepted;
  if (info.epoch < given.epoch) {
    return EndSession(SessionEndReason::kEpochAhead, "a higher epoch is promised");
  }
  if (info.epoch == given.epoch && asked != given && !info.decided) {
    return EndSession(SessionEndReason::kNotDecided, "this epoch is promised to another leader");
  }
  // An epoch promised to somebody else counts for nobody here, but once its
  // quorum is complete no other leader can get it.
  counted_ = info.epoch > given.epoch || asked == given;
  session_.epoch = info.epoch;
  step_ = Step::kPromising;
  if (asked == given) return SendAckEpoch();
  self_.state.accepted = asked;
  write_ = self_.StoreState();
}

void Following::SendAckEpoch() {
  step_ = Step::kPromised;
  AckEpoch ack{
      .last = self_.history.last(), .base = self_.history.begin(), .table = self_.history.Table()};
  if (counted_) ack.current = self_.state.current;
  Reply(std::move(ack));
}

// --- synchronisation ---------------------------------------------------------------

void Following::Handle(const Diff&) {
  if (step_ != Step::kPromised) return EndSession(SessionEndReason::kGap, "a plan out of turn");
  step_ = Step::kSyncing;
}

void Following::Handle(const Trunc& trunc) {
  if (step_ != Step::kPromised) return EndSession(SessionEndReason::kGap, "a plan out of turn");
  if (!self_.history.Contains(trunc.after)) {
    return EndSession(SessionEndReason::kGap, "asked to cut where there is nothing");
  }
  // INV-19. Somebody has lost what a quorum held: going on would hide it.
  if (trunc.after < self_.commit) {
    self_.halt = "asked by server " + ToString(leader_) +
                 " to drop committed transactions: cut behind " + ToString(trunc.after) +
                 ", committed " + ToString(self_.commit);
    return;
  }
  self_.Truncate(trunc.after);
  step_ = Step::kSyncing;
}

// The snapshot replaces the whole history, in one write; then the leader is told
// anew where this learner stands and sends the rest as a plan of its own. So no
// second, staged history exists beside the live one (lib/core/README.md says why
// nothing committed can be lost in between).
void Following::Handle(const Snap& snap) {
  if (step_ != Step::kPromised || snap.snapshot <= self_.commit) {
    return EndSession(SessionEndReason::kGap, "a snapshot out of turn");
  }
  step_ = Step::kInstalling;
  fetching_ = snap.snapshot;
  write_ = 0;
  // On disk before the snapshot, which may be led with from then on.
  if (NoteLeaderTime(snap.leader_time)) self_.StoreState();
  self_.Emit(FetchSnapshot{*link_, snap.snapshot});
}

// Whether it was news.
bool Following::NoteLeaderTime(int64_t time) {
  self_.history.NoteLeaderTime(time);
  if (time <= self_.state.leader_time) return false;
  self_.state.leader_time = time;
  return true;
}

void Following::On(const SnapshotFetched& fetched) {
  if (step_ != Step::kInstalling || fetched.link != *link_ || fetching_ != fetched.snapshot) return;
  give_up_at_ = self_.now + self_.Ticks(self_.options.init_limit);
  if (fetched.state == SnapshotFetched::State::kProgress) return;
  fetching_.reset();
  if (fetched.state == SnapshotFetched::State::kFailed) {
    return EndSession(SessionEndReason::kGap, "the snapshot cannot be had");
  }
  write_ = self_.Install(fetched.snapshot);
  self_.snapshot = std::max(self_.snapshot, fetched.snapshot);
}

bool Following::Extend(const std::vector<Txn>& txns) {
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

void Following::Handle(const Proposal& proposal) {
  if (!InSync() || !Extend(proposal.txns) || proposal.commit > self_.history.last()) {
    return EndSession(SessionEndReason::kGap, "a proposal that does not follow");
  }
  known_commit_ = std::max(known_commit_, proposal.commit);
  // A commit may have been told before the entries it speaks of were here.
  self_.Commit(known_commit_);
}

void Following::Handle(const NewLeader& accepted) {
  if (step_ != Step::kSyncing || accepted.last != self_.history.last()) {
    return EndSession(SessionEndReason::kGap,
                      "the synchronised history does not end where it should");
  }
  accepted_last_ = accepted.last;
  known_commit_ = std::max(known_commit_, accepted.commit);
  // The epoch goes to disk behind the history, never before it. Votes compare
  // epochs first: a crash between the two would leave a peer that wins elections
  // on the new epoch while missing transactions a quorum has committed.
  self_.state.current = session_.epoch;
  NoteLeaderTime(accepted.leader_time);
  write_ = self_.StoreState();
  step_ = Step::kAccepting;
  self_.Commit(known_commit_);
}

void Following::On(const Synced&) {
  const bool awaited = write_ != 0 && self_.Durable(write_);
  if (awaited && step_ == Step::kPromising) {
    write_ = 0;
    SendAckEpoch();
  } else if (awaited && step_ == Step::kInstalling) {
    write_ = 0;
    // The installed state is committed and what lies below it can be served.
    self_.commit = std::max(self_.commit, self_.history.last());
    self_.Deliver();
    SendAckEpoch();
  } else if (awaited && step_ == Step::kAccepting) {
    write_ = 0;
    step_ = Step::kAccepted;
    acked_ = accepted_last_;
    Reply(Ack{Zxid{session_.epoch, 0}});
  }
  self_.Deliver();
  SendAcks();
}

void Following::SendAcks() {
  if (step_ < Step::kAccepted || self_.history.durable() <= acked_) return;
  acked_ = self_.history.durable();
  Reply(Ack{acked_});
}

void Following::Handle(const UpToDate& up_to_date) {
  if (step_ != Step::kAccepted) return EndSession(SessionEndReason::kGap, "up to date out of turn");
  known_commit_ = std::max(known_commit_, up_to_date.commit);
  self_.Commit(known_commit_);
  step_ = Step::kBroadcast;
  established_ = session_.epoch;
  self_.DecideCalls(session_.number);
}

// --- broadcast ------------------------------------------------------------------------

void Following::Handle(const Commit& commit) {
  if (!InSync() || commit.zxid > self_.history.last()) {
    return EndSession(SessionEndReason::kGap, "a commit of what was never proposed here");
  }
  known_commit_ = std::max(known_commit_, commit.zxid);
  self_.Commit(known_commit_);
}

void Following::Handle(const Ping& ping) {
  Reply(Pong{.seq = ping.seq,
             .durable = self_.history.durable(),
             .applied = self_.applied,
             .installing = step_ == Step::kInstalling});
}

// --- calls ------------------------------------------------------------------------------

void Following::On(const Proposed& proposed) {
  if (!serving()) return self_.RefuseWithoutLeader(proposed);
  for (const Call& call : proposed.calls) self_.outcomes.Sent(call.tag, session_.number);
  Reply(Request{proposed.calls});
}

void Following::Handle(const Refusal& refusal) {
  std::vector<uint64_t> ours;
  for (uint64_t tag : refusal.tags) {
    if (self_.outcomes.Refused(tag) || reads_.erase(tag) > 0) ours.push_back(tag);
  }
  self_.RejectCalls(std::move(ours), refusal.reason);
}

void Following::On(const ReadAsked& asked) {
  if (!serving()) return self_.RejectCalls(asked.tags, RejectReason::kNoLeader);
  reads_.insert(asked.tags.begin(), asked.tags.end());
  Reply(ReadIndex{asked.tags});
}

void Following::Handle(const ReadIndexReply& reply) {
  std::vector<uint64_t> ours;
  for (uint64_t tag : reply.tags) {
    if (reads_.erase(tag) > 0) ours.push_back(tag);
  }
  if (!ours.empty()) self_.Emit(AnswerReads{std::move(ours), reply.at});
}

}  // namespace zkq::core
