#include "test/core/changes_walk.h"

#include <algorithm>
#include <random>

#include "lib/core/quorum.h"
#include "test/core/ensemble.h"

namespace zkq::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ChangesWalk {
 public:
  ChangesWalk(uint64_t seed, bool tracing)
      : random_(seed * 7919),
        founders_(static_cast<int>(Pick({3, 3, 4, 5}))),
        joiners_(static_cast<int>(Pick({1, 2, 3, 4}))),
        crash_in_(Pick({20, 40, 80})),
        lose_in_(Pick({60, 120, 100'000})),
        ensemble_({.servers = founders_,
                   .seed = seed,
                   .window_txns_max = 5 + seed % 20,
                   .diff_txns_max = 10 + seed % 50,
                   .rollover_counter = seed % 5 == 0 ? 20u : 0xF000'0000u}) {
    ensemble_.set_tracing(tracing);
    ensemble_.seen = [this](ServerId, const Effect& effect) {
      const auto* note = std::get_if<Note>(&effect);
      if (note != nullptr && note->line == Line::kHandsOver) ++tally_.handed_over;
    };
  }

  std::string Run(int steps) {
    if (!ensemble_.RunUntil([this] { return ensemble_.AllServe(); }, seconds(20))) {
      return Wrong("no ensemble is founded");
    }
    for (int i = 0; i < steps && ensemble_.violation().empty(); ++i) {
      Disturb(i);
      ensemble_.RunFor(milliseconds(Pause()));
    }
    std::string wrong;
    if (ensemble_.violation().empty()) wrong = Calm();
    if (!ensemble_.violation().empty()) wrong = Wrong(ensemble_.violation());
    tally_.changes = ensemble_.changes();
    return wrong;
  }
  const ChangesTally& tally() const { return tally_; }
  const std::vector<std::string>& trace() const { return ensemble_.trace(); }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  uint64_t Pick(std::vector<uint64_t> choices) { return choices[Below(choices.size())]; }
  // New voters take more than sync_limit to have caught up.
  uint64_t Pause() { return OneIn(12) ? Below(3000) : OneIn(4) ? Below(400) : Below(8); }
  ServerId Any() {
    const std::vector<ServerId> all = ensemble_.ids();
    return all[Below(all.size())];
  }
  std::string Wrong(const std::string& what) const {
    return what + "\n" + ensemble_.Summary() + ToString(ensemble_.newest());
  }

  void Disturb(int step);
  void Interfere();
  void Partition();
  MemberId MemberAt(ServerId place) const {
    return {ensemble_.IdOf(place), ensemble_.DiskState(place).disk};
  }
  void LoseDisk(ServerId sid);
  void ReturnDisk(ServerId sid);
  void AskForChange();
  void Edit(Membership* next);
  std::set<MemberId> Alive() const;
  std::vector<Membership> MayCount() const;
  bool Bears(const std::set<MemberId>& alive) const;
  bool PendingSomewhere() const;
  void PartTwins();
  void SwitchOff();
  std::string Calm();
  std::string AskedInTheEnd();

  std::mt19937_64 random_;
  const int founders_;
  const int joiners_;
  int joined_ = 0;
  const uint64_t crash_in_;
  const uint64_t lose_in_;
  Ensemble ensemble_;
  ChangesTally tally_;
  std::set<ServerId> lost_;     // had a disk before the present one, and may have it again
  std::set<ServerId> off_;      // for ever
  std::set<ServerId> excused_;  // in calm need not serve
};

void ChangesWalk::Disturb(int step) {
  if (joined_ < joiners_ && OneIn(10)) {
    const auto as = OneIn(3) ? MemberType::kObserver : MemberType::kParticipant;
    ensemble_.Join(ServerId{static_cast<uint64_t>(founders_ + ++joined_)}, as);
  }
  if (OneIn(crash_in_)) ensemble_.Crash(Any());
  if (OneIn(lose_in_)) LoseDisk(Any());
  if (!lost_.empty() && OneIn(60)) ReturnDisk(*lost_.begin());
  Interfere();
  switch (Below(12)) {
    case 0:
    case 1:
      ensemble_.Start(Any());
      break;
    case 2:
      ensemble_.SnapshotAndPurge(Any());
      break;
    case 3:
      ensemble_.StallDisk(Any(), OneIn(3));
      break;
    case 4:
      ensemble_.Read(Any());
      break;
    case 5:
    case 6:
    case 7:
      AskForChange();
      break;
    default:
      ensemble_.Propose(Any(), "c" + std::to_string(step));
      break;
  }
}

// Where a configuration is pending is where it hurts.
void ChangesWalk::Interfere() {
  const ServerId leader = ensemble_.Leader();
  const bool pends = leader != kNoServer && ensemble_.ConfigsOf(leader).pending.has_value();
  if (pends && OneIn(4)) {
    if (OneIn(3)) return ensemble_.Crash(leader);
    return Partition();
  }
  if (OneIn(60)) Partition();
  if (OneIn(12)) ensemble_.HealAll();
}

// Some against the rest: at random, or the newest configuration that is known, with the leader.
void ChangesWalk::Partition() {
  const ServerId leader = ensemble_.Leader();
  std::set<ServerId> side;
  if (leader != kNoServer && OneIn(2)) {
    const Configs& configs = ensemble_.ConfigsOf(leader);
    const Membership& newest = configs.pending ? *configs.pending : configs.committed;
    for (const Member& member : newest.members) side.insert(member.id);
    side.insert(leader);
  } else {
    for (ServerId sid : ensemble_.ids()) {
      if (OneIn(2)) side.insert(sid);
    }
  }
  for (ServerId a : ensemble_.ids()) {
    for (ServerId b : ensemble_.ids()) {
      if (side.contains(a) && !side.contains(b)) ensemble_.Cut(a, b);
    }
  }
}

// --- disks ----------------------------------------------------------------------------

// By what is on their disks, which are in them.
std::set<MemberId> ChangesWalk::Alive() const {
  std::set<MemberId> alive;
  for (ServerId sid : ensemble_.ids()) {
    if (!off_.contains(sid)) alive.insert(MemberAt(sid));
  }
  return alive;
}

// Configurations by which somebody may have to decide, now or after a crash.
std::vector<Membership> ChangesWalk::MayCount() const {
  std::vector<Membership> configs{ensemble_.newest()};
  const bool settled = ensemble_.settled() >= ensemble_.newest().version;
  if (!settled && ensemble_.changes() > 0) configs.push_back(ensemble_.before_newest());
  for (ServerId sid : ensemble_.ids()) {
    for (Membership& logged : ensemble_.LoggedConfigs(sid)) configs.push_back(std::move(logged));
    if (!ensemble_.up(sid)) continue;
    const Configs& known = ensemble_.ConfigsOf(sid);
    if (known.pending) configs.push_back(*known.pending);
    if (known.committed.version > ensemble_.newest().version) configs.push_back(known.committed);
  }
  return configs;
}

bool ChangesWalk::Bears(const std::set<MemberId>& alive) const {
  const std::vector<Membership> configs = MayCount();
  return std::all_of(configs.begin(), configs.end(), [&](const Membership& config) {
    return QuorumSystem(config).Contains(alive);
  });
}

void ChangesWalk::LoseDisk(ServerId sid) {
  std::set<MemberId> alive = Alive();
  alive.erase(MemberAt(sid));
  if (!Bears(alive)) return;
  ensemble_.Replace(sid);
  ++tally_.lost;
  lost_.insert(sid);
}

void ChangesWalk::ReturnDisk(ServerId sid) {
  if (OneIn(2)) {
    ensemble_.ReturnBeside(sid);
    ++tally_.beside;
  } else {
    std::set<MemberId> alive = Alive();
    alive.erase(MemberAt(sid));
    if (!Bears(alive)) return;
    ensemble_.Return(sid);
    ++tally_.returned;
  }
  lost_.erase(sid);
}

// --- changes ----------------------------------------------------------------------------

void ChangesWalk::AskForChange() {
  const ServerId leader = ensemble_.Leader();
  const ServerId at = OneIn(3) || leader == kNoServer ? Any() : leader;
  if (!ensemble_.up(at)) return;
  Membership next = ensemble_.ConfigsOf(at).committed;
  for (uint64_t edits = Pick({1, 1, 2, 4, 7}); edits > 0; --edits) Edit(&next);
  ensemble_.Change(at, next, seconds(OneIn(3) ? 1 : 10));
}

void ChangesWalk::Edit(Membership* next) {
  const ServerId sid = ensemble_.IdOf(Any());
  Member* listed = FindMember(next, sid);
  if (listed == nullptr) {
    const auto as = OneIn(4) ? MemberType::kObserver : MemberType::kParticipant;
    *next = With(*next, {.id = sid, .address = "s" + ToString(sid), .type = as});
  } else if (OneIn(2) && next->members.size() > 1) {
    *next = Without(*next, sid);
  } else if (OneIn(2)) {
    listed->type = MemberType::kParticipant;
    listed->disk = kPresentDisk;
  } else if (OneIn(3)) {
    listed->weight = static_cast<uint32_t>(Pick({0, 1, 1, 2}));
  } else if (OneIn(3)) {
    listed->type = MemberType::kObserver;
    listed->disk = {};
  } else {
    listed->address += "x";
  }
}

// --- calm -------------------------------------------------------------------------------

bool ChangesWalk::PendingSomewhere() const {
  for (ServerId sid : ensemble_.ids()) {
    if (!ensemble_.LoggedConfigs(sid).empty()) return true;
    if (!ensemble_.up(sid)) continue;
    const Configs& configs = ensemble_.ConfigsOf(sid);
    if (configs.pending || configs.committed.version > ensemble_.newest().version) return true;
  }
  return false;
}

// Whom the newest configuration has left out, and as many of it as it bears.
void ChangesWalk::SwitchOff() {
  const Membership newest = ensemble_.newest();
  std::set<MemberId> alive = Alive();
  std::vector<ServerId> order = ensemble_.ids();
  std::shuffle(order.begin(), order.end(), random_);
  for (ServerId sid : order) {
    const MemberId member = MemberAt(sid);
    std::set<MemberId> without = alive;
    without.erase(member);
    const bool counts = QuorumSystem(newest).IsVoter(member);
    const bool stays = counts ? OneIn(2) : OneIn(10);
    if (stays || !QuorumSystem(newest).Contains(without)) continue;
    alive = std::move(without);
    off_.insert(sid);
    ensemble_.Crash(sid);
  }
}

// Of those with one id one stays, if the others are not needed; else none of them is asked to
// serve: who knows none of their disks keeps the link that it has.
void ChangesWalk::PartTwins() {
  std::map<ServerId, std::vector<ServerId>> by_id;
  for (ServerId place : ensemble_.ids()) by_id[ensemble_.IdOf(place)].push_back(place);
  for (auto& [id, places] : by_id) {
    std::swap(places[0], places[Below(places.size())]);
    std::set<MemberId> alive = Alive();
    for (size_t i = 1; i < places.size(); ++i) alive.erase(MemberAt(places[i]));
    if (places.size() == 1) continue;
    if (!Bears(alive)) {
      excused_.insert(places.begin(), places.end());
      continue;
    }
    for (size_t i = 1; i < places.size(); ++i) {
      ensemble_.Crash(places[i]);
      off_.insert(places[i]);
    }
  }
}

std::string ChangesWalk::Calm() {
  const bool all_at_once = OneIn(3);
  for (ServerId sid : ensemble_.ids()) {
    if (all_at_once) ensemble_.Crash(sid);
  }
  PartTwins();
  // Answered, and nothing after it is on any disk.
  const bool settled = ensemble_.settled() >= ensemble_.newest().version && ensemble_.changes() > 0;
  if (settled && !PendingSomewhere()) {
    SwitchOff();
    ++tally_.with_removed;
  }
  ensemble_.HealAll();
  for (ServerId sid : ensemble_.ids()) {
    ensemble_.StallDisk(sid, false);
    if (!off_.contains(sid)) ensemble_.Start(sid);
  }
  // Who has an empty disk may have met nobody but one of two machines under the leader's id, and
  // not know of what disk it is.
  const auto excused = [this](ServerId sid) {
    const bool empty = ensemble_.DiskState(sid).ensemble == EnsembleId{};
    return off_.contains(sid) || excused_.contains(sid) || (empty && !excused_.empty());
  };
  const auto all_serve = [&] {
    const std::vector<ServerId> all = ensemble_.ids();
    return ensemble_.Leader() != kNoServer &&
           std::all_of(all.begin(), all.end(),
                       [&](ServerId sid) { return excused(sid) || ensemble_.Serving(sid); });
  };
  if (!ensemble_.RunUntil(all_serve, seconds(200))) return Wrong("LIV-2: not everybody serves");
  return AskedInTheEnd();
}

std::string ChangesWalk::AskedInTheEnd() {
  const uint64_t call = ensemble_.Propose(ensemble_.Leader(), "last");
  const auto done = [&] {
    if (ensemble_.Outcome(call) != "applied") return false;
    std::optional<std::vector<std::string>> first;
    for (ServerId sid : ensemble_.ids()) {
      if (off_.contains(sid) || excused_.contains(sid)) continue;
      if (!first) first = ensemble_.Applied(sid);
      if (ensemble_.Applied(sid) != *first) return false;
    }
    return true;
  };
  if (!ensemble_.RunUntil(done, seconds(20))) return Wrong("LIV-1: a write is not everywhere");
  ensemble_.RunFor(seconds(12));
  for (ServerId place : excused_) ensemble_.Crash(place);  // their calls wait for what may not come
  const std::vector<uint64_t> undecided = ensemble_.Undecided();
  if (!undecided.empty()) {
    return Wrong("LIV-6: call " + std::to_string(undecided[0]) + " is undecided");
  }
  return "";
}

}  // namespace

std::string WalkWithChanges(uint64_t seed, int steps, ChangesTally* tally,
                            std::vector<std::string>* trace) {
  ChangesWalk walk(seed, trace != nullptr);
  std::string wrong = walk.Run(steps);
  if (!wrong.empty()) wrong += ", seed " + std::to_string(seed);
  tally->changes += walk.tally().changes;
  tally->lost += walk.tally().lost;
  tally->returned += walk.tally().returned;
  tally->beside += walk.tally().beside;
  tally->handed_over += walk.tally().handed_over;
  tally->with_removed += walk.tally().with_removed;
  if (trace != nullptr) *trace = walk.trace();
  return wrong;
}

}  // namespace zkq::core
