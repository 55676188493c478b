// Peer, towards others in elections: what they say, whom this peer answers, and what it tells of
// the configuration (PROTOCOL §4.4, §11.6). Who should lead the election decides.
#include <algorithm>
#include <utility>

#include "lib/core/peer_impl.h"

namespace zkq::core {

// --- said by others -------------------------------------------------------------------

void Peer::Impl::Remember(const Notified& notified) {
  Hear(notified.link);
  if (!FromEnsemble(notified.link)) return Answer(notified);
  const Notification& n = notified.notification;
  NoteWord(notified.link, n);
  const MemberId from = self_.links.MemberAt(notified.link);
  if (n.pending && self_.quorum.IsVoter(from)) self_.memberships.Hear(*n.pending);
  if (TakeConfig(notified.link.sid, n)) return;
  if (const auto* looking = std::get_if<Looking>(&role_); looking && !looking->hears()) return;
  if (self_.links.CountsAsDown(n.vote.leader)) return AnswerIfSettled(notified);
  election_->Receive(from, n, self_.now, &outbox_);
}

// Who looks takes over a newer configuration that is committed elsewhere, and looks anew under
// it. Who has a leader hears of it from that (PROTOCOL §4.4; ZOOKEEPER-2212).
bool Peer::Impl::TakeConfig(ServerId from, const Notification& n) {
  const Membership& known = self_.memberships.committed();
  if (!std::holds_alternative<Looking>(role_) || !n.membership) return false;
  const bool member = FindMember(known, from) || FindMember(*n.membership, from);
  if (!member || n.membership->version <= known.version) return false;
  self_.Adopt(*n.membership);
  FollowMemberships();
  outbox_.clear();  // it was meant for those before, and says nothing of what was pending
  GoLooking();
  return true;
}

void Peer::Impl::NoteWord(const LinkId& link, const Notification& n) {
  const Look look{link.boot, n.look_seq};
  LastWord& word = self_.last_words[self_.links.MemberAt(link)];
  if (look >= word.look) word = {look, n.state, n.vote.leader};
}

// --- answers --------------------------------------------------------------------------

// An unfounded peer may ask, and is told who the members are (PROTOCOL §4.4, §11.6). While this
// peer only asks itself it keeps the question: two that ask would ask each other without end.
void Peer::Impl::Answer(const Notified& notified) {
  if (notified.notification.vote.leader != kNoServer || !Founded()) return;
  askers_.insert(notified.link.sid);
}

void Peer::Impl::AnswerAskers() {
  const Notification current = election_->current();
  const bool asks = current.state == PeerState::kLooking && current.vote.leader == kNoServer;
  if (asks) return;
  for (ServerId sid : std::exchange(askers_, {})) outbox_.insert_or_assign(sid, current);
}

// The sender's candidate counts as down here, so its vote is not heard. It may still learn
// whom this peer follows.
void Peer::Impl::AnswerIfSettled(const Notified& notified) {
  const Notification current = election_->current();
  const bool looks = notified.notification.state == PeerState::kLooking;
  if (!looks || current.state == PeerState::kLooking) return;
  outbox_.insert_or_assign(notified.link.sid, current);
}

// --- announcements --------------------------------------------------------------------

void Peer::Impl::Announce(const Role& now) {
  if (now.leader != kNoServer) self_.memberships.Established(now.epoch);
  SettleIfServing(now);
  if (!askers_.empty()) AnswerAskers();
  if (now.leader != kNoServer) Inform();
  const std::optional<Membership>& pending = self_.memberships.configs().pending;
  for (auto& [sid, notification] : outbox_) {
    if (LacksConfig(sid)) notification.membership = self_.memberships.committed();
    // Else the vote says itself what it passes on: why its candidate may be voted for.
    if (pending && !notification.pending) notification.pending = pending;
    self_.Emit(Notify{sid, std::move(notification)});
  }
  outbox_.clear();
}

// Who has slept through several configurations may know nobody who is still there to ask: it is
// told unasked, by each that it is linked with and that has a leader; and by those who get another
// leader again, for it may have heeded its own alone before.
void Peer::Impl::Inform() {
  for (ServerId sid : std::exchange(uninformed_, {})) {
    const Identity* peer = self_.links.PeerOf(sid);
    const bool listens = peer != nullptr && self_.InEnsemble(*peer) && LacksConfig(sid);
    if (listens) outbox_.try_emplace(sid, election_->current());
  }
}

// As far as it has said; a peer that is not linked says so with its next link.
bool Peer::Impl::LacksConfig(ServerId sid) const {
  const Identity* peer = self_.links.PeerOf(sid);
  if (peer == nullptr) return false;
  return !peer->config || *peer->config < self_.memberships.committed().version;
}

// Late joiners tally votes of different generations: what they have in common
// is the epoch of the established term (PROTOCOL §4.5).
void Peer::Impl::SettleIfServing(const Role& now) {
  if (now.leader == kNoServer || settled_epoch_ == now.epoch) return;
  settled_epoch_ = vote_.epoch = now.epoch;
  for (const auto& [link, peer] : self_.links.all()) uninformed_.insert(link.sid);
  election_->Settle(now.state, vote_, &outbox_);
}

}  // namespace zkq::core
