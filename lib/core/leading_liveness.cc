// Leading, as time goes by: pings, learners that stand still, and when a leader gives
// up (PROTOCOL §9.1 to §9.4).
//
// Until its epoch is established, a leader resigns after init_limit without progress, or
// when its supporters have left it. From then on it resigns when the learners that are
// synced and heard are no quorum with it, or when its own disk stands still and they are
// a quorum without it.
#include <algorithm>

#include "lib/core/leading.h"

namespace zkq::core {
namespace {

// Before established: how long supporters that have left are waited for.
constexpr int kPatienceTicks = 5;

}  // namespace

void Leading::On(const Tick&) {
  if (self_.now >= learners_.next_turn()) TellObservers();
  if (!watch_.PingIsDue(self_.now)) return;
  if (!attempt_.established()) {
    attempt_.NoteSupport(self_.Linked(), self_.now);
    if (self_.Syncing()) attempt_.NoteProgress(self_.now);
    if (attempt_.Expired(self_.now)) return Resign("no quorum follows in time");
    if (!serving() && attempt_.Deserted(self_.now, self_.Ticks(kPatienceTicks))) {
      Resign("its supporters have left it");
    }
  }
  DropSilent();
  PingAll();
  learners_.OwePings();
  if (attempt_.established()) {
    CheckQuorum();
    CheckOwnDisk();
    ListRetired();
    ConsiderChanges();
  }
}

Time Leading::NextWake() const { return std::min(watch_.next_ping(), learners_.next_turn()); }

void Leading::PingAll() {
  learners_.SendPing(NumberPing(), AtWork(), watch_.confirmed());
  NoteAnswers();
}

uint64_t Leading::NumberPing() {
  return watch_.NumberPing(
      self_.now, attempt_.established() ? std::optional(self_.watermarks.commit) : std::nullopt);
}

// Until there is a quorum, a learner waits for the disks of other voters, too: one that is quick
// must not leave because another takes longer than init_limit.
bool Leading::AtWork() const {
  return self_.Syncing() || (!attempt_.established() && learners_.AnyVoterGoesOn());
}

// A ping that goes later than the voters' has a later number: the word of its observer that it says
// was heard may have come after what they confirm by theirs.
void Leading::TellObservers() {
  std::vector<LearnerProgress*> observers = learners_.TakeTurns();
  learners_.Inform(established_, observers);
  std::erase_if(observers, [](const LearnerProgress* one) { return !one->ping_owed(); });
  if (observers.empty()) return;
  const uint64_t ping = NumberPing();
  const bool at_work = AtWork();
  for (LearnerProgress* observer : observers) {
    observer->SendPing(ping, at_work, watch_.confirmed());
  }
}

void Leading::Handle(LearnerProgress* learner, const Pong& pong) {
  const bool waits_for_turn = learner->observes() && learner->TakesMore();
  const bool goes_on = learner->Take(pong, watch_.last_ping(), watch_.CommitLongAgo());
  if (goes_on && !attempt_.established() && self_.quorum.IsVoter(learner->member())) {
    attempt_.NoteProgress(self_.now);
  }
  if (!waits_for_turn) learner->Pump();
  if (!learner->observes()) NoteAnswers();
}

// Who answers a ping of an established leader proves that it led when it sent that.
void Leading::NoteAnswers() {
  if (!attempt_.established()) return;
  std::map<MemberId, uint64_t> answered = learners_.Answered();
  answered[self_.me()] = watch_.last_ping();
  const uint64_t by_quorum = self_.quorum.Reached(answered);
  if (watch_.Confirm(by_quorum)) {
    self_.freshness.Confirm(watch_.confirmed().commit, watch_.confirmed().sent);
  }
  FinishRound(by_quorum);
  ConsiderChanges();
}

void Leading::DropSilent() {
  for (const LinkId& link : learners_.StandingStill()) {
    EndSession(link, SessionEndReason::kTimeout);
  }
}

void Leading::CheckQuorum() {
  std::set<MemberId> live = learners_.Synced();
  live.insert(self_.me());
  if (!self_.quorum.Contains(live)) Resign("a quorum has been lost");
}

// The others commit without this disk, so a hung one would stall this leader's
// clients, and then admission, for ever (PROTOCOL §9.2).
void Leading::CheckOwnDisk() {
  const Time limit = LimitOfDisk(self_.Ticks(self_.options.sync_limit), self_.disk.slowest());
  if (self_.Drained() || self_.disk.StandsStill(self_.now) < limit) return;
  if (self_.quorum.Contains(learners_.Synced())) Resign("this leader's own disk does not answer");
}

// --- supporters that leave --------------------------------------------------------

void Leading::On(const Notified& notified) {
  const Notification& n = notified.notification;
  const MemberId member = self_.links.MemberAt(notified.link);
  if (!self_.quorum.IsVoter(member)) return;
  const LastWord word{{notified.link.boot, n.look_seq}, n.state, n.vote.leader};
  if (!attempt_.established()) attempt_.Note(member, word);
  if (!attempt_.established() && !serving() && attempt_.Lost()) {
    return Resign("a quorum has settled on others");
  }
  if (word.state != PeerState::kLooking) return;
  for (const auto& [link, learner] : learners_.all()) {
    // Lanes are not ordered: only a look later than the one that led to this
    // session speaks against it (PROTOCOL §9.4).
    if (learner.member() != member || word.look <= learner.look()) continue;
    EndSession(LinkId(link), SessionEndReason::kTimeout);
    break;
  }
}

}  // namespace zkq::core
