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
  tick_ = leader.tick;
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
  if (leader == nullptr || !self_.InEnsemble(*leader)) return link_.reset();
  link_ = self_.links.To(choice_.leader);
  TakeLimits(*leader);
  self_.terms.next_attach = self_.now + self_.options.tick;
  session_ = {.number = ++self_.terms.sessions, .epoch = 0};
  pings_ = {};
  stage_ = Stage::kFollowerInfoSent;
  leads_since_asked_ = false;
  Reply(FollowerInfo{.accepted = self_.state.accepted,
                     .current = self_.state.current,
                     .last = self_.history.last(),
                     .look_seq = choice_.look_seq,
                     .config = self_.state.config.version,
                     .kind = choice_.kind});
}

void Learning::Leave() {
  if (stage_ > Stage::kConnecting && link_ && self_.links.Find(*link_) != nullptr) {
    Reply(SessionEnd{SessionEndReason::kLeaving});
  }
  EndCalls();
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
  } else if (n.state == PeerState::kFollowing && !choice_.designated) {
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
  marks->observes = observes();
  marks->linked = link_ && link_->sid == choice_.leader && self_.links.Find(*link_) != nullptr &&
                  session_.number == self_.terms.sessions;
  marks->counted = counted_;
  marks->promised =
      link_ && self_.state.accepted == Promise{session_.epoch, choice_.leader, link_->boot};
  marks->promise_told = !observes() && stage_ >= Stage::kPromised;
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
  if (end.reason == SessionEndReason::kBusy) {
    // It leads, and others are brought up. They need not ask again all at once.
    self_.terms.next_attach =
        self_.now + self_.Ticks(1 + static_cast<int>(ToInt(self_.options.self) % 8));
    give_up_at_ = self_.terms.next_attach + init_limit_;
    return;
  }
  if (end.reason == SessionEndReason::kAttachAsFollower) {
    self_.terms.attach_as = LearnerKind::kFollower;
  } else if (end.reason == SessionEndReason::kAttachAsObserver) {
    self_.terms.attach_as = LearnerKind::kObserver;
  }
  Quit("the leader has ended the session: " + std::string(Meaning(end.reason)));
}

// --- discovery ---------------------------------------------------------------------

void Learning::Handle(const LeaderInfo& info) {
  // From a live leader this renews the epoch in place (PROTOCOL §9.5).
  if (stage_ != Stage::kFollowerInfoSent && stage_ != Stage::kBroadcast) return;
  const Promise asked{info.epoch, choice_.leader, link_->boot};
  if (Refuse(info, asked)) return;
  EndCalls();
  session_.epoch = info.epoch;
  synchronisation_ = Synchronisation(self_.now);
  ExtendDeadline();  // of a renewal, too: until its quorum is complete the leader says nothing
  if (observes()) {
    counted_ = false;
    return SendAckEpoch();
  }
  const Promise& given = self_.state.accepted;
  // An epoch promised to somebody else counts for nobody here, but once its
  // quorum is complete no other leader can get it.
  counted_ = info.epoch > given.epoch || asked == given;
  stage_ = Stage::kPromising;
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
  } else if (observes()) {
    if (info.epoch >= self_.state.current) return false;
    EndSession(SessionEndReason::kEpochAhead, "a later epoch is known");
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

}  // namespace zkq::core
