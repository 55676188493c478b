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
#include <variant>

#include "lib/base/texts.h"
#include "lib/core/founding.h"
#include "lib/core/invariants.h"
#include "lib/core/leading.h"
#include "lib/core/learning.h"
#include "lib/core/looking.h"
#include "lib/core/self.h"

namespace zkq::core {
namespace {

FastLeaderElectionOptions ElectionOptions(const PeerOptions& options) {
  return {.finalize_wait = options.finalize_wait,
          .min_interval = options.tick,
          .max_interval = 20 * options.tick,
          .patience = 10 * options.tick};
}

}  // namespace

class Peer::Impl {
 public:
  Impl(PeerOptions options, Recovered recovered, std::unique_ptr<Election> election)
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

  void Step(const Event& event, Effects* effects) {
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

  std::optional<Time> NextWake() const {
    if (halted_) return std::nullopt;
    std::optional<Time> wake = election_->NextWake();
    const auto consider = [&wake](Time at) { wake = wake ? std::min(*wake, at) : at; };
    if (const auto* learning = std::get_if<Learning>(&role_)) consider(learning->NextWake());
    if (const auto* leading = std::get_if<Leading>(&role_)) consider(leading->NextWake());
    return wake;
  }

  View view() const;
  void AddWorries(View* view) const;
  std::vector<Learner> learners() const;
  std::vector<Difference> differences() const {
    const auto* founding = std::get_if<Founding>(&role_);
    return founding != nullptr ? founding->differences() : std::vector<Difference>();
  }
  size_t room() const {
    if (const auto* learning = std::get_if<Learning>(&role_)) return learning->room();
    const auto* leading = std::get_if<Leading>(&role_);
    return leading != nullptr ? leading->room() : 0;
  }
  const Configs& configs() const { return self_.memberships.configs(); }
  Identity identity() const { return self_.identity(); }
  Invariants& invariants() { return self_.invariants(); }

 private:
  // --- what every role shares --------------------------------------------------
  template <typename E>
  void Remember(const E&) {}
  void Remember(const Tick& tick) {
    self_.NoteTime(tick);
    election_->Tick(self_.now, &outbox_);
  }
  void Remember(const LinkUp& up) {
    self_.links.Up(up.link, up.peer);
    CountOn(up.link, up.peer);
    uninformed_.insert(up.link.sid);
  }
  void Remember(const Introduced& introduced) {
    Remember(LinkUp{introduced.link, introduced.peer});
    Hear(introduced.link);
  }
  void Remember(const LinkDown& down) {
    const MemberId peer = self_.links.MemberAt(down.link);
    self_.links.Down(down.link);
    if (self_.links.MemberOf(peer.id) == peer) return;
    election_->PeerDown(peer, self_.now, &outbox_);
  }
  void Remember(const Received& received) { Hear(received.link); }
  void Remember(const PartReceived& part) { Hear(part.link); }
  void Remember(const Notified& notified) {
    Hear(notified.link);
    if (!FromEnsemble(notified.link)) return Answer(notified);
    const Notification& n = notified.notification;
    NoteWord(notified.link, n);
    if (TakeConfig(notified.link.sid, n)) return;
    if (const auto* looking = std::get_if<Looking>(&role_); looking && !looking->hears()) return;
    if (self_.links.CountsAsDown(n.vote.leader)) return AnswerIfSettled(notified);
    election_->Receive(self_.links.MemberAt(notified.link), n, self_.now, &outbox_);
  }
  // Who looks takes over a newer configuration that is committed elsewhere, and looks anew under
  // it. Who has a leader hears of it from that (PROTOCOL §4.4; ZOOKEEPER-2212).
  bool TakeConfig(ServerId from, const Notification& n) {
    const Membership& known = self_.memberships.committed();
    if (!std::holds_alternative<Looking>(role_) || !n.membership) return false;
    const bool member = FindMember(known, from) || FindMember(*n.membership, from);
    if (!member || n.membership->version <= known.version) return false;
    self_.Adopt(*n.membership);
    FollowMemberships();
    GoLooking();
    return true;
  }
  void Hear(const LinkId& link) {
    if (self_.links.Hear(link)) CountOn(link, *self_.links.Find(link));
  }
  // In elections.
  void CountOn(const LinkId& link, const Identity& peer) {
    if (!self_.InEnsemble(peer) || self_.links.IsDoubted(link.sid)) return;
    election_->PeerUp({peer.sid, peer.disk}, self_.now, &outbox_);
  }
  void NoteWord(const LinkId& link, const Notification& n) {
    const Look look{link.boot, n.look_seq};
    LastWord& word = self_.last_words[self_.links.MemberAt(link)];
    if (look >= word.look) word = {look, n.state, n.vote.leader};
  }
  void Remember(const Synced& synced) { self_.NoteSynced(synced); }
  void Remember(const Applied& applied) { self_.NoteApplied(applied.through); }
  void Remember(const SnapshotTaken& taken) {
    self_.watermarks.snapshot = std::max(self_.watermarks.snapshot, taken.snapshot);
  }
  void Remember(const LogPurged& purged) { self_.history.Purged(purged.base); }

  // An unfounded peer may ask, and is told who the members are (PROTOCOL §4.4, §11.6). While this
  // peer only asks itself it keeps the question: two that ask would ask each other without end.
  void Answer(const Notified& notified) {
    if (notified.notification.vote.leader != kNoServer || !Founded()) return;
    askers_.insert(notified.link.sid);
  }
  void AnswerAskers() {
    const Notification current = election_->current();
    const bool asks = current.state == PeerState::kLooking && current.vote.leader == kNoServer;
    if (asks) return;
    for (ServerId sid : std::exchange(askers_, {})) outbox_.insert_or_assign(sid, current);
  }
  // The sender's candidate counts as down here, so its vote is not heard. It may still learn
  // whom this peer follows.
  void AnswerIfSettled(const Notified& notified) {
    const Notification current = election_->current();
    const bool looks = notified.notification.state == PeerState::kLooking;
    if (!looks || current.state == PeerState::kLooking) return;
    outbox_.insert_or_assign(notified.link.sid, current);
  }
  bool Founded() const { return !std::holds_alternative<Founding>(role_); }

  bool FromEnsemble(const LinkId& link) const {
    const Identity* peer = self_.links.Find(link);
    return peer != nullptr && self_.InEnsemble(*peer);
  }

  // --- the role ------------------------------------------------------------------
  template <typename E>
  void Dispatch(const E& event) {
    std::visit([&](auto& role) { Give(event, &role); }, role_);
  }
  void Dispatch(const Notified& notified) {
    if (FromEnsemble(notified.link) || !Founded()) Dispatch<Notified>(notified);
  }
  void Dispatch(const Received& received) {
    if (!FromEnsemble(received.link)) return;
    const Message& message = received.message;
    if (std::holds_alternative<FollowerInfo>(message.body) &&
        !std::holds_alternative<Leading>(role_)) {
      self_.SendTo(received.link, message.session, SessionEnd{SessionEndReason::kNotLeading});
      return;
    }
    Dispatch<Received>(received);
  }
  template <typename E, typename R>
  void Give(const E& event, R* role) {
    if constexpr (requires { role->On(event); }) {
      role->On(event);
    } else if constexpr (requires { role->On(event, &outbox_); }) {
      role->On(event, &outbox_);
    } else {
      static_assert(R::Ignores::template kHas<E>, "neither taken nor ignored by this role");
    }
  }

  // --- transitions -----------------------------------------------------------------
  void Enter() {
    entered_ = true;
    self_.FollowMemberships();
    if (auto* founding = std::get_if<Founding>(&role_)) founding->Enter();
    if (auto* looking = std::get_if<Looking>(&role_)) looking->Enter(&outbox_);
  }

  // What configurations there are decides who votes, and which links lead to members.
  void FollowMemberships() {
    if (told_changes_ == self_.memberships.changes()) return;
    told_changes_ = self_.memberships.changes();
    election_->SetConfigs(self_.me(), self_.memberships.configs());
    for (const auto& [link, peer] : self_.links.all()) {
      CountOn(link, peer);
      uninformed_.insert(link.sid);
    }
  }

  void GoLooking() { role_.emplace<Looking>(&self_, election_.get()).Enter(&outbox_); }

  template <typename Term>
  void LeaveIfOver() {
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

  void FollowRole() {
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

  void Take(const Decision& decision) {
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
  void EnterTerm(bool designated) {
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
        .emplace<Learning>(
            &self_,
            Learning::Choice{.leader = leader,
                             .look_seq = election_->current().look_seq,
                             .leader_look = self_.last_words[self_.links.MemberOf(leader)].look,
                             .kind = kind,
                             .designated = designated})
        .Enter();
  }

  void TellElected(const Vote& vote) {
    const bool won = vote.leader == self_.options.self;
    const std::string took = TimeText(self_.now - std::get<Looking>(role_).since());
    const std::string ends = "whose history ended at " + ToString(vote.zxid);
    const std::string who = won ? "this server" : "server " + ToString(vote.leader);
    self_.Tell(won ? Line::kElectionWon : Line::kElectionLost,
               who + ", " + ends + ", was elected, after " + took, vote.leader);
  }

  // --- reports ---------------------------------------------------------------------
  void Announce(const Role& now) {
    SettleIfServing(now);
    if (!askers_.empty()) AnswerAskers();
    if (now.leader != kNoServer) Inform();
    for (auto& [sid, notification] : outbox_) {
      if (LacksConfig(sid)) notification.membership = self_.memberships.committed();
      notification.pending = self_.memberships.configs().pending;
      self_.Emit(Notify{sid, std::move(notification)});
    }
    outbox_.clear();
  }
  // Who has slept through several configurations may know nobody who is still there to ask: it is
  // told unasked, by whoever it is linked with and has a leader.
  void Inform() {
    for (ServerId sid : std::exchange(uninformed_, {})) {
      const Identity* peer = self_.links.PeerOf(sid);
      const bool listens = peer != nullptr && self_.InEnsemble(*peer) && LacksConfig(sid);
      if (listens) outbox_.try_emplace(sid, election_->current());
    }
  }
  // As far as it has said; a peer that is not linked says so with its next link.
  bool LacksConfig(ServerId sid) const {
    const Identity* peer = self_.links.PeerOf(sid);
    if (peer == nullptr) return false;
    return !peer->config || *peer->config < self_.memberships.committed().version;
  }

  // Late joiners tally votes of different generations: what they have in common
  // is the epoch of the established term (PROTOCOL §4.5).
  void SettleIfServing(const Role& now) {
    if (now.leader == kNoServer || settled_epoch_ == now.epoch) return;
    settled_epoch_ = vote_.epoch = now.epoch;
    election_->Settle(now.state, vote_, &outbox_);
  }

  void Report(const Role& now) {
    if (reported_ == now) return;
    reported_ = now;
    self_.Emit(RoleChanged{now});
  }

  Role role() const;

  Marks TakeMarks(const Role& now) const;
  void CheckMarks(const Role& now) {
    const Marks marks = TakeMarks(now);
    if (marks == marks_) return;
    const char* broken = CheckState(marks);
    if (broken == nullptr) broken = CheckStep(marks_, marks);
    if (broken != nullptr) self_.invariants().Fail(broken);
    marks_ = marks;
  }

  // What a broken step wanted done must not be done.
  void StopIfBroken(size_t before, Effects* effects) {
    if (!self_.invariants().ok()) self_.halt = Halt{self_.invariants().what()};
    if (!self_.halt) return;
    halted_ = true;
    effects->resize(before);
    effects->push_back(*self_.halt);
  }

  Self self_;
  std::unique_ptr<Election> election_;
  std::variant<Founding, Looking, Learning, Leading> role_;
  bool entered_ = false;
  bool halted_ = false;
  Marks marks_;                // after the last step
  uint64_t told_changes_ = 0;  // of memberships, to the election
  // May have an older configuration; not told yet of the present one.
  std::set<ServerId> uninformed_;
  std::set<ServerId> askers_;  // no members; not answered while this peer only asks itself
  Outbox outbox_;
  Vote vote_;  // the last decision's, with the epoch once established
  Epoch settled_epoch_ = 0;
  std::optional<Role> reported_;
};

Role Peer::Impl::role() const {
  Role now{.epoch = self_.state.current};
  if (Founded()) {
    now.standing = self_.standing();
    now.amnesic = self_.memberships.ListsOtherDisk(self_.options.self, self_.state.disk);
  }
  if (const auto* learning = std::get_if<Learning>(&role_)) {
    now.state = learning->observes() ? PeerState::kObserving : PeerState::kFollowing;
    now.phase = learning->phase();
    if (learning->serving()) now.leader = learning->leader();
    if (learning->epoch() != 0) now.epoch = learning->epoch();
  }
  if (const auto* leading = std::get_if<Leading>(&role_)) {
    now.state = PeerState::kLeading;
    now.phase = leading->phase();
    if (leading->serving()) now.leader = self_.options.self;
    if (leading->epoch() != 0) now.epoch = leading->epoch();
  }
  return now;
}

Marks Peer::Impl::TakeMarks(const Role& now) const {
  Marks marks{.epoch = now.epoch,
              .established = marks_.established,
              .state = now.state,
              .phase = now.phase,
              .serving = now.leader != kNoServer};
  if (marks.serving) marks.established = now.epoch;
  self_.Mark(&marks);
  if (const auto* learning = std::get_if<Learning>(&role_)) learning->Mark(&marks);
  if (const auto* leading = std::get_if<Leading>(&role_)) leading->Mark(&marks);
  return marks;
}

Peer::View Peer::Impl::view() const {
  const auto* leading = std::get_if<Leading>(&role_);
  View view{
      .role = role(),
      .last = self_.history.last(),
      .durable = self_.history.durable(),
      .commit = self_.watermarks.commit,
      .before_epoch = self_.history.epochs().LastBefore(role().epoch),
      .pinned_after = leading != nullptr ? leading->PinnedAfter() : self_.history.last(),
      .behind = self_.history.epochs().Count(self_.watermarks.applied, self_.watermarks.commit),
      .as_of = self_.freshness.as_of(),
      .ready_within =
          LimitOfDisk(self_.Ticks(std::max(self_.options.sync_limit, 2)), self_.disk.slowest()),
      .founded_within = self_.Ticks(self_.options.init_limit),
      .config_changes = self_.memberships.changes(),
      .ensemble = self_.state.ensemble};
  AddWorries(&view);
  return view;
}

void Peer::Impl::AddWorries(View* view) const {
  const Time sync_limit = self_.Ticks(self_.options.sync_limit);
  if (IsSlow(sync_limit, self_.disk.usual())) view->disk_slow = self_.disk.usual();
  const Time still = self_.disk.StandsStill(self_.now);
  if (!self_.Drained() && still >= LimitOfDisk(sync_limit, self_.disk.slowest())) {
    view->disk_hangs = still;
  }
  const auto* learning = std::get_if<Learning>(&role_);
  if (learning != nullptr) view->clock_off = self_.ClockOff(learning->leader());
}

std::vector<Peer::Learner> Peer::Impl::learners() const {
  const auto* leading = std::get_if<Leading>(&role_);
  return leading != nullptr ? leading->learners() : std::vector<Learner>();
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
Identity Peer::identity() const { return impl_->identity(); }
const Invariants& Peer::invariants() const { return impl_->invariants(); }

}  // namespace zkq::core
