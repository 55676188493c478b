// Peer: one step after the other. A step has five parts, in this order:
//
//   Remember     what every role shares takes note of the event, and so does the election
//   Dispatch     the role has it. Messages come from servers of this ensemble alone, listed or
//                not; a FollowerInfo to a peer that does not lead is answered here
//   FollowRole   a role that is over is left, and the next one is entered. Here and
//                nowhere else does the role change:
//                  Founding -> Looking -> Leading | Learning -> Looking -> ...
//   Announce     what the election wants said, and Report what this peer is now
//   CheckMarks   and StopIfBroken: if a rule is broken, or going on would lose something,
//                the effects of this step are dropped, and the peer halts
//
// The election is not part of a role: a peer that follows or leads answers those who look.
#include "lib/core/peer.h"

#include <algorithm>
#include <utility>

#include "lib/base/texts.h"
#include "lib/core/peer_impl.h"

namespace zkq::core {
namespace {

FastLeaderElectionOptions ElectionOptions(const PeerOptions& options) {
  return {.finalize_wait = options.finalize_wait,
          .min_interval = options.tick,
          .max_interval = 20 * options.tick,
          .patience = 10 * options.tick};
}

}  // namespace

Peer::Impl::Impl(PeerOptions options, Recovered recovered, std::unique_ptr<Election> election)
    : self_(std::move(options), std::move(recovered)),
      election_(election ? std::move(election)
                         : NewFastLeaderElection(ElectionOptions(self_.options))),
      role_(Founding(&self_)) {
  self_.election = election_->name();
  election_->SetConfigs(self_.me(), self_.memberships.configs());
  if (self_.state.ensemble != EnsembleId{}) role_.emplace<Looking>(&self_, election_.get());
  marks_ = TakeMarks(role());
  if (const char* broken = CheckState(marks_)) self_.invariants().Fail(broken);
}

void Peer::Impl::Step(const Event& event, Effects* effects) {
  if (halted_) return;
  const size_t before = effects->size();
  self_.effects = effects;
  std::visit([this](const auto& e) { Remember(e); }, event);
  if (!entered_) Enter();
  std::visit([this](const auto& e) { Dispatch(e); }, event);
  FollowRole();
  const Role now = role();
  Announce(now);
  Report(now);
  // A tick that wants nothing done has moved the time alone. Had it broken something, the
  // next step would tell, before anything is carried out.
  const bool idle = std::holds_alternative<Tick>(event) && effects->size() == before;
  if (!idle) CheckMarks(now);
  StopIfBroken(before, effects);
}

std::optional<Time> Peer::Impl::NextWake() const {
  if (halted_) return std::nullopt;
  std::optional<Time> wake = election_->NextWake();
  const auto consider = [&wake](Time at) { wake = wake ? std::min(*wake, at) : at; };
  if (const auto* learning = std::get_if<Learning>(&role_)) consider(learning->NextWake());
  if (const auto* leading = std::get_if<Leading>(&role_)) consider(leading->NextWake());
  return wake;
}

// --- what every role shares ----------------------------------------------------------

void Peer::Impl::Remember(const Tick& tick) {
  self_.NoteTime(tick);
  election_->Tick(self_.now, &outbox_);
}

void Peer::Impl::Remember(const LinkUp& up) {
  self_.links.Up(up.link, up.peer);
  CountOn(up.link, up.peer);
  uninformed_.insert(up.link.sid);
}

void Peer::Impl::Remember(const Introduced& introduced) {
  Remember(LinkUp{introduced.link, introduced.peer});
  Hear(introduced.link);
}

void Peer::Impl::Remember(const LinkDown& down) {
  const MemberId peer = self_.links.MemberAt(down.link);
  self_.links.Down(down.link);
  if (self_.links.MemberOf(peer.id) == peer) return;
  election_->PeerDown(peer, self_.now, &outbox_);
  ForgetUnlisted(peer);
}

// Servers that nobody lists come and go, each with an id of its own.
void Peer::Impl::ForgetUnlisted(const MemberId& peer) {
  const bool has_seat = self_.memberships.Lists(peer.id, peer.disk) ||
                        self_.memberships.ListsOtherDisk(peer.id, peer.disk);
  if (has_seat || self_.links.PeerOf(peer.id) != nullptr) return;
  self_.last_words.erase(peer);
  self_.links.Forget(peer.id);
  uninformed_.erase(peer.id);
}

void Peer::Impl::Remember(const SnapshotTaken& taken) {
  self_.watermarks.snapshot = std::max(self_.watermarks.snapshot, taken.snapshot);
}

void Peer::Impl::Hear(const LinkId& link) {
  if (self_.links.Hear(link)) CountOn(link, *self_.links.Find(link));
}

// In elections.
void Peer::Impl::CountOn(const LinkId& link, const Identity& peer) {
  if (!self_.InEnsemble(peer) || self_.links.IsDoubted(link.sid)) return;
  election_->PeerUp({peer.sid, peer.disk}, self_.now, &outbox_);
}

bool Peer::Impl::FromEnsemble(const LinkId& link) const {
  const Identity* peer = self_.links.Find(link);
  return peer != nullptr && self_.InEnsemble(*peer);
}

// --- the role ------------------------------------------------------------------------

void Peer::Impl::Dispatch(const Notified& notified) {
  if (FromEnsemble(notified.link) || !Founded()) Dispatch<Notified>(notified);
}

void Peer::Impl::Dispatch(const Received& received) {
  if (!FromEnsemble(received.link)) return;
  const Message& message = received.message;
  if (std::holds_alternative<FollowerInfo>(message.body) &&
      !std::holds_alternative<Leading>(role_)) {
    self_.SendTo(received.link, message.session, SessionEnd{SessionEndReason::kNotLeading});
    return;
  }
  Dispatch<Received>(received);
}

// --- transitions ----------------------------------------------------------------------

void Peer::Impl::Enter() {
  entered_ = true;
  self_.FollowMemberships();
  if (auto* founding = std::get_if<Founding>(&role_)) founding->Enter();
  if (auto* looking = std::get_if<Looking>(&role_)) looking->Enter(&outbox_);
}

// What configurations there are decides who votes, and which links lead to members.
void Peer::Impl::FollowMemberships() {
  if (told_changes_ == self_.memberships.changes()) return;
  told_changes_ = self_.memberships.changes();
  election_->SetConfigs(self_.me(), self_.memberships.configs());
  for (const auto& [link, peer] : self_.links.all()) {
    CountOn(link, peer);
    uninformed_.insert(link.sid);
  }
}

template <typename Term>
void Peer::Impl::LeaveIfOver() {
  auto* term = std::get_if<Term>(&role_);
  if (term == nullptr || !term->left()) return;
  ServerId next = term->designated();
  if (next == self_.options.self && !self_.votes()) next = kNoServer;
  self_.Tell(Line::kGoesLooking, *term->left());
  term->Leave();
  if (next == kNoServer) return GoLooking();
  // Whom the leader before has named needs no election, and everything that makes a leader
  // (PROTOCOL §10.5).
  vote_.leader = next;
  settled_epoch_ = 0;
  EnterTerm(/*designated=*/true);
}

void Peer::Impl::FollowRole() {
  FollowMemberships();
  if (auto* founding = std::get_if<Founding>(&role_); founding && founding->done()) GoLooking();
  LeaveIfOver<Learning>();
  LeaveIfOver<Leading>();
  auto* looking = std::get_if<Looking>(&role_);
  if (looking == nullptr || !looking->outcome()) return;
  Take(*looking->outcome());
  // A term can be over before it has begun, and an ensemble of one decides at
  // once: but never both in one step without a write in between.
}

void Peer::Impl::Take(const Decision& decision) {
  // The election may be the user's own.
  const bool leads = decision.state == PeerState::kLeading;
  ZKQ_CHECK(decision.vote.leader != kNoServer);
  ZKQ_CHECK(leads == (decision.vote.leader == self_.options.self));
  TellElected(decision.vote);
  vote_ = decision.vote;
  settled_epoch_ = 0;
  EnterTerm(/*designated=*/false);
}

// With the leader that vote_ names.
void Peer::Impl::EnterTerm(bool designated) {
  const ServerId leader = vote_.leader;
  const bool leads = leader == self_.options.self;
  const LearnerKind kind =
      std::exchange(self_.terms.attach_as, std::nullopt).value_or(self_.LearnsAs());
  const bool observes = !leads && kind == LearnerKind::kObserver;
  if (designated || observes) {
    election_->Settle(leads      ? PeerState::kLeading
                      : observes ? PeerState::kObserving
                                 : PeerState::kFollowing,
                      vote_, &outbox_);
  }
  if (leads) return role_.emplace<Leading>(&self_, designated).Enter();
  role_
      .emplace<Learning>(&self_,
                         Learning::Choice{.leader = leader,
                                          .look_seq = election_->current().look_seq,
                                          .leader_look = LastLookOf(self_.links.MemberOf(leader)),
                                          .kind = kind,
                                          .designated = designated})
      .Enter();
}

Look Peer::Impl::LastLookOf(const MemberId& peer) const {
  const auto word = self_.last_words.find(peer);
  return word == self_.last_words.end() ? Look{} : word->second.look;
}

void Peer::Impl::TellElected(const Vote& vote) {
  const bool won = vote.leader == self_.options.self;
  const std::string took = TimeText(self_.now - std::get<Looking>(role_).since());
  const std::string ends = "whose history ended at " + ToString(vote.zxid);
  const std::string who = won ? "this server" : "server " + ToString(vote.leader);
  self_.Tell(won ? Line::kElectionWon : Line::kElectionLost,
             who + ", " + ends + ", was elected, after " + took, vote.leader);
}

// --- what is checked ------------------------------------------------------------------

void Peer::Impl::CheckMarks(const Role& now) {
  const Marks marks = TakeMarks(now);
  if (marks == marks_) return;
  const char* broken = CheckState(marks);
  if (broken == nullptr) broken = CheckStep(marks_, marks);
  if (broken != nullptr) self_.invariants().Fail(broken);
  marks_ = marks;
}

// What a broken step wanted done must not be done.
void Peer::Impl::StopIfBroken(size_t before, Effects* effects) {
  if (!self_.invariants().ok()) self_.halt = Halt{self_.invariants().what()};
  if (!self_.halt) return;
  halted_ = true;
  effects->resize(before);
  effects->push_back(*self_.halt);
}

Peer::Peer(PeerOptions options, Recovered recovered, std::unique_ptr<Election> election)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(recovered), std::move(election))) {
}
Peer::~Peer() = default;
void Peer::Step(const Event& event, Effects* effects) { impl_->Step(event, effects); }
std::optional<Time> Peer::NextWake() const { return impl_->NextWake(); }
Peer::View Peer::view() const { return impl_->view(); }
std::vector<Peer::Learner> Peer::learners() const { return impl_->learners(); }
std::vector<Peer::Difference> Peer::differences() const { return impl_->differences(); }
size_t Peer::room() const { return impl_->room(); }
const Membership& Peer::config() const { return impl_->configs().committed; }
const Configs& Peer::configs() const { return impl_->configs(); }
const Membership* Peer::told() const { return impl_->told(); }
Identity Peer::identity() const { return impl_->identity(); }
const Invariants& Peer::invariants() const { return impl_->invariants(); }

}  // namespace zkq::core
