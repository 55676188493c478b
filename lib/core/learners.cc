#include "lib/core/learners.h"

#include <algorithm>
#include <utility>

namespace zkq::core {
namespace {

// Addresses every learner's session of this epoch (see Session).
Session ToAll(Epoch epoch) { return {.number = 0, .epoch = epoch}; }

// An observer's word counts nowhere (INV-25).
bool Speaks(const LearnerProgress& learner) { return learner.synced() && !learner.observes(); }

}  // namespace

LearnerProgress* Learners::Add(const LinkId& link, const Session& session,
                               const FollowerInfo& info) {
  const auto [learner, added] = all_.try_emplace(link, &self_, link, session, info);
  ZKQ_CHECK(added, &learner->second);
  no_turn_before_ = {};
  return &learner->second;
}

LearnerProgress* Learners::Find(const LinkId& link) {
  const auto found = all_.find(link);
  return found == all_.end() ? nullptr : &found->second;
}

std::vector<LinkId> Learners::At(LearnerProgress::Stage stage) const {
  std::vector<LinkId> links;
  for (const auto& [link, learner] : all_) {
    if (learner.stage() == stage) links.push_back(link);
  }
  return links;
}

std::vector<LinkId> Learners::StandingStill() {
  std::vector<LinkId> links;
  for (auto& [link, learner] : all_) {
    if (learner.StandsStill()) links.push_back(link);
  }
  return links;
}

bool Learners::TakesMore(SyncPlan::Kind kind) const {
  constexpr int kSnapshotsMax = 10, kDiffsMax = 100;
  using Stage = LearnerProgress::Stage;
  const bool snapshot = kind == SyncPlan::Kind::kSnap;
  const Stage stage = snapshot ? Stage::kInstalling : Stage::kFeeding;
  const auto under_way = std::count_if(
      all_.begin(), all_.end(), [&](const auto& one) { return one.second.stage() == stage; });
  return under_way < (snapshot ? kSnapshotsMax : kDiffsMax);
}

bool Learners::AnyVoterGoesOn() const {
  return std::any_of(all_.begin(), all_.end(), [this](const auto& one) {
    return one.second.goes_on() && self_.quorum.IsVoter(one.second.member());
  });
}

Zxid Learners::PinnedAfter() const {
  Zxid pinned = self_.history.last();
  for (const auto& [link, learner] : all_) {
    pinned = std::min(pinned, learner.PinnedAfter().value_or(pinned));
  }
  return pinned;
}

// --- the synced ones -----------------------------------------------------------------

std::vector<Peer::Learner> Learners::Told() const {
  std::vector<Peer::Learner> told;
  const Zxid last = self_.history.last();
  for (const auto& [link, learner] : all_) {
    const uint64_t behind = self_.history.epochs().Count(learner.applied(), last);
    told.push_back({.sid = link.sid,
                    .disk = learner.member().disk,
                    .observes = learner.observes(),
                    .durable = learner.durable(),
                    .applied = learner.applied(),
                    .behind = behind,
                    .bytes_behind = behind * self_.history.mean_bytes(),
                    .caught_up = learner.caught_up()});
  }
  return told;
}

std::set<MemberId> Learners::Synced() const {
  std::set<MemberId> synced;
  for (const auto& [link, learner] : all_) {
    if (Speaks(learner)) synced.insert(learner.member());
  }
  return synced;
}

std::map<MemberId, Zxid> Learners::Matches() const {
  std::map<MemberId, Zxid> matches;
  for (const auto& [link, learner] : all_) {
    if (Speaks(learner)) matches[learner.member()] = learner.match();
  }
  return matches;
}

std::map<MemberId, uint64_t> Learners::Answered() const {
  std::map<MemberId, uint64_t> answered;
  for (const auto& [link, learner] : all_) {
    if (Speaks(learner)) answered[learner.member()] = learner.ponged();
  }
  return answered;
}

// --- to many at once -------------------------------------------------------------------

void Learners::Propose(Epoch epoch, Zxid before, std::vector<Txn> txns) {
  ZKQ_CHECK(!txns.empty());
  const Zxid commit = std::min(self_.watermarks.commit, txns.back().zxid);
  std::vector<LinkId> together;
  std::vector<LearnerProgress*> lagging;
  for (auto& [link, learner] : all_) {
    if (learner.observes()) continue;
    if (learner.CaughtUpWith(before)) {
      learner.Fed(txns, commit);
      together.push_back(link);
    } else {
      lagging.push_back(&learner);
    }
  }
  if (!together.empty()) {
    self_.Emit(Send{std::move(together), Message{ToAll(epoch), Proposal{std::move(txns), commit}}});
  }
  for (LearnerProgress* learner : lagging) learner->Pump();
}

void Learners::SendCommit(Epoch epoch) {
  const Zxid commit = self_.watermarks.commit;
  std::vector<LinkId> together;
  for (auto& [link, learner] : all_) {
    if (learner.observes()) continue;
    if (learner.TakesCommit(commit)) {
      together.push_back(link);
    } else {
      learner.SendCommit();
    }
  }
  if (!together.empty()) {
    self_.Emit(Send{std::move(together), Message{ToAll(epoch), Commit{commit}}});
  }
}

void Learners::SendPing(uint64_t ping, bool at_work, const Watch::Round& confirmed) {
  for (auto& [link, learner] : all_) {
    if (!learner.observes()) learner.SendPing(ping, at_work, confirmed);
  }
}

// --- to observers, in turns --------------------------------------------------------------

// The first turn of that observer after that time. It has one in each round: what many are told in
// the same moment, all work on in the same moment, and this leader, the network and what they share
// are busy with it while voters wait. Under load it also costs less to be told of many commits at
// once.
Time Learners::NextTurn(ServerId sid, Time after) const {
  constexpr Time kLongestRound = std::chrono::milliseconds(25);
  constexpr uint64_t kTurns = 25;
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;  // spreads numbers with equal steps between them
  const Time round = std::min(kLongestRound, self_.Ticks(1) / 4);
  const Time turn = round * ((ToInt(sid) * kGolden >> 32) * kTurns >> 32) / kTurns;
  return after + round - (after + round - turn) % round;
}

void Learners::OwePings() {
  for (auto& [link, learner] : all_) {
    if (!learner.observes()) continue;
    learner.OwePing();
    next_turn_ = std::min(next_turn_, NextTurn(link.sid, self_.now));
  }
}

std::vector<LearnerProgress*> Learners::TakeTurns() {
  next_turn_ = std::min(next_turn_, no_turn_before_);
  if (self_.now < next_turn_) return {};  // commits come more often than turns
  std::vector<LearnerProgress*> observers;
  next_turn_ = no_turn_before_ = Time::max();
  for (auto& [link, learner] : all_) {
    if (!learner.observes()) continue;
    bool told = false;
    const auto fed = learner.fed_at();
    const bool lags = learner.synced() && learner.sent() < self_.watermarks.commit;
    Time turn = fed ? NextTurn(link.sid, *fed) : self_.now;
    if (!learner.synced() || (lags && turn <= self_.now)) {
      told = lags && learner.TakesMore();  // else it goes on when what it waits for comes
      turn = NextTurn(link.sid, self_.now);
    } else if (lags) {
      next_turn_ = std::min(next_turn_, turn);
    }
    no_turn_before_ = std::min(no_turn_before_, turn);
    if (const auto owed = learner.ping_owed()) {
      const Time pinged = NextTurn(link.sid, *owed);
      told = told || pinged <= self_.now;
      if (!told) next_turn_ = std::min(next_turn_, pinged);
    }
    if (told) observers.push_back(&learner);
  }
  return observers;
}

// Observers hear of a transaction when it is committed: INFORM, in ZooKeeper.
void Learners::Inform(Epoch epoch, const std::vector<LearnerProgress*>& observers) {
  const Zxid commit = self_.watermarks.commit;
  Zxid before;
  std::vector<Txn> txns;  // from there to `commit`: most of them have been sent the same
  std::vector<LinkId> together;
  for (LearnerProgress* observer : observers) {
    if (!observer->synced() || !observer->TakesMore() || observer->sent() >= commit) continue;
    if (txns.empty()) {
      before = observer->sent();
      txns = self_.history.After(before, commit, kProposalBytesMax);
      if (!txns.empty() && txns.back().zxid != commit) txns.clear();
    }
    if (!txns.empty() && observer->sent() == before) {
      observer->Fed(txns, commit);
      together.push_back(observer->link());
    } else {
      observer->Pump();
    }
  }
  if (together.empty()) return;
  self_.Emit(Send{std::move(together), Message{ToAll(epoch), Proposal{std::move(txns), commit}}});
}

void Learners::AnswerObservers(Zxid before) {
  std::set<ServerId> askers;
  for (const Txn& txn : self_.history.Newest(before, self_.watermarks.commit)) {
    if (txn.origin.sid != self_.options.self) askers.insert(txn.origin.sid);
  }
  for (const ServerId sid : askers) {
    for (auto at = all_.lower_bound({.sid = sid}); at != all_.end() && at->first.sid == sid; ++at) {
      if (at->second.observes()) at->second.Pump();
    }
  }
}

}  // namespace zkq::core
