#include "zkq/testing/nemesis.h"

#include <algorithm>
#include <set>
#include <utility>

namespace zkq::testing {
inline namespace v1 {
namespace {

using Step = MemoryFileSystem::Step;

CrashMode ModeOf(uint64_t die) {
  constexpr CrashMode kModes[] = {CrashMode::kProcess, CrashMode::kPower, CrashMode::kTorn};
  return kModes[die % 3];
}

// A log has zeros ahead of it, where damage means little: most of it strikes before.
size_t UsedBytes(std::string_view contents) {
  const size_t last = contents.find_last_not_of('\0');
  return last == std::string_view::npos ? 0 : std::min(contents.size(), last + 1 + 512);
}

}  // namespace

Nemesis::Nemesis(SimCluster* cluster, Witness witness)
    : cluster_(*cluster), witness_(std::move(witness)) {
  cluster_.Observe(this);
}

Nemesis::~Nemesis() { cluster_.Forget(this); }

void Nemesis::Run(const std::vector<Strike>& strikes, absl::Duration length) {
  const absl::Duration begin = cluster_.now();
  for (const Strike& strike : strikes) {
    RunUntil(begin + strike.at);
    if (cluster_.violation()) break;
    Begin(strike);
  }
  RunUntil(begin + length);
  waiting_.clear();
  sprung_.clear();
  repairs_.clear();
  restarts_.clear();
  lasting_.clear();
  armed_.clear();
}

void Nemesis::Begin(const Strike& strike) {
  if (strike.moment.kind == Moment::Kind::kAny) return Perform(strike, Drawn(strike));
  waiting_.push_back(strike);
}

// --- moments ---------------------------------------------------------------------------

template <typename Matches>
void Nemesis::Spring(Matches matches, ServerId hit, ServerId other) {
  std::erase_if(waiting_, [&](const Strike& strike) {
    if (!matches(strike.moment)) return false;
    const bool turned = strike.dice[2] % 2 == 0;
    sprung_.push_back({strike, {.one = turned ? other : hit, .a = hit, .b = other}});
    return true;
  });
}

void Nemesis::OnSent(const Route& route, const Carried& carried) {
  if (waiting_.empty()) return;
  const size_t sent = KindOf(carried);
  const auto matches = [&](const Moment& moment) {
    return moment.kind == Moment::Kind::kMessage && moment.message == sent;
  };
  Spring(matches, route.from, route.to);
}

void Nemesis::OnLinkUp(const Route& route) { met_.emplace(route.to, route.from); }

void Nemesis::OnStatus(ServerId sid, const ReplicaStatus& status) {
  const std::pair now(status.state, status.phase);
  founded_ = founded_ || status.phase != ZabPhase::kElection;
  if (std::exchange(roles_[sid], now) == now) return;
  const auto matches = [&](const Moment& moment) {
    return moment.kind == Moment::Kind::kPhase && moment.state == status.state &&
           moment.phase == status.phase;
  };
  Spring(matches, sid, sid);
}

void Nemesis::PerformSprung() {
  for (Sprung& sprung : std::exchange(sprung_, {})) {
    Victims& victims = sprung.victims;
    if (victims.a == victims.b) victims.b = Drawn(sprung.strike).b;
    if (victims.a == victims.b) victims.b = Drawn(sprung.strike).a;
    Perform(sprung.strike, victims);
  }
}

// Runs to `when`, with the repairs that come before it, and starts servers anew that
// have fallen by themselves.
void Nemesis::RunUntil(absl::Duration when) {
  constexpr absl::Duration kLook = absl::Milliseconds(500);
  while (cluster_.now() < when && !cluster_.violation()) {
    absl::Duration next = std::min(when, cluster_.now() + kLook);
    for (const Repair& repair : repairs_) next = std::min(next, repair.at);
    cluster_.RunUntil([this] { return !sprung_.empty(); },
                      std::max(next - cluster_.now(), absl::ZeroDuration()));
    PerformSprung();
    std::vector<Repair> due;
    std::erase_if(repairs_, [&](Repair& repair) {
      if (repair.at > cluster_.now()) return false;
      due.push_back(std::move(repair));
      return true;
    });
    for (Repair& repair : due) repair.what();
    KeepUp();
  }
}

// A replica that has halted is a process that its supervisor starts again, and so is
// one that died later than was expected.
void Nemesis::KeepUp() {
  for (const ServerId sid : cluster_.servers()) {
    const bool lost = std::find(lost_.begin(), lost_.end(), sid) != lost_.end();
    if (cluster_.up(sid) && !cluster_.Status(sid).health.ok()) {
      CrashFor(sid, CrashMode::kPower, absl::Milliseconds(200));
    } else if (!cluster_.up(sid) && !lost && restarts_[sid] == 0) {
      RestartAfter(absl::Seconds(1), sid);
    }
  }
}

void Nemesis::After(absl::Duration delay, std::function<void()> what) {
  repairs_.push_back({cluster_.now() + delay, std::move(what)});
}

// It dies of this, whatever else it was to die of.
void Nemesis::Crash(ServerId sid, CrashMode mode) {
  armed_.erase(sid);
  cluster_.Crash(sid, mode);
}

void Nemesis::CrashFor(ServerId sid, CrashMode mode, absl::Duration down) {
  Crash(sid, mode);
  RestartAfter(down, sid);
}

// Half of the time at an operation of one kind: most are writes, and what goes wrong
// does so at the others.
void Nemesis::CrashAtDisk(const Strike& strike, ServerId sid) {
  constexpr Step kSteps[] = {Step::kCreate, Step::kSync, Step::kSyncDirectory, Step::kRename,
                             Step::kRemove};
  const uint64_t dice = strike.dice[1];
  const CrashMode mode = ModeOf(dice >> 8);
  if (dice >> 16 & 1) return cluster_.CrashAtDisk(sid, 1 + dice % 40, mode);
  cluster_.CrashAtDisk(sid, 1 + dice % 4, mode, kSteps[(dice >> 20) % std::size(kSteps)]);
}

// Down, and soon up again, only to fall once more: at the next such moment, or before
// much is done.
void Nemesis::CrashAgain(const Strike& strike, ServerId sid) {
  const uint64_t dice = strike.dice[1];
  Crash(sid, ModeOf(dice));
  if (dice / 4 % 4 == 0) return RestartAfter(strike.lasts, sid);
  Strike next = strike;
  next.dice[1] = dice / 16;
  After(absl::Milliseconds(1 + dice / 16 % 100), [this, next, sid] {
    if (cluster_.up(sid)) return;
    if (next.moment.kind == Moment::Kind::kAny) {
      cluster_.CrashAtDisk(sid, 1 + next.dice[1] % 24, ModeOf(next.dice[1] >> 8));
      After(absl::Milliseconds(1500), [this, next, sid] { CrashAgain(next, sid); });
    } else {
      waiting_.push_back(next);
    }
    Restart(sid);
  });
}

void Nemesis::RestartAfter(absl::Duration down, ServerId sid) {
  ++restarts_[sid];
  After(down, [this, sid] {
    --restarts_[sid];
    Restart(sid);
  });
}

// A start may fail, by a fault that lasts or comes in the middle of it: it is tried
// again, as by a supervisor.
void Nemesis::Restart(ServerId sid) {
  if (cluster_.up(sid) || cluster_.Start(sid).ok()) return;
  RestartAfter(absl::Seconds(1), sid);
}

std::optional<Nemesis::Role> Nemesis::RoleOf(ServerId sid) const {
  const auto role = roles_.find(sid);
  return role == roles_.end() ? std::nullopt : std::optional(role->second);
}

void Nemesis::Note(Fault fault, const std::optional<Role>& role) {
  if (witness_ && role) witness_(fault, role->first, role->second);
}

// Who was told to die at some instant has done so.
void Nemesis::OnCrashed(ServerId sid, const MemoryFileSystem&) {
  const auto armed = armed_.find(sid);
  if (armed != armed_.end()) {
    Note(armed->second, RoleOf(sid));
    armed_.erase(armed);
  }
  roles_.erase(sid);
}

Nemesis::Victims Nemesis::Drawn(const Strike& strike) const {
  const std::vector<ServerId>& all = cluster_.servers();
  const uint64_t others = std::max<uint64_t>(all.size() - 1, 1);
  const ServerId a = all[strike.dice[0] % all.size()];
  const ServerId b = all[(strike.dice[0] + 1 + strike.dice[1] % others) % all.size()];
  // Half of what strikes one server strikes the leader: most depends on it.
  return {.one = strike.dice[2] % 2 == 0 ? cluster_.leader().value_or(a) : a, .a = a, .b = b};
}

void Nemesis::Perform(const Strike& strike, const Victims& victims) {
  cluster_.Mark("the nemesis: " + std::string(ToString(strike.fault)) + " for " +
                absl::FormatDuration(strike.lasts));
  const std::vector<ServerId>& all = cluster_.servers();
  const ServerId one = victims.one;
  if (strike.fault >= Fault::kBreakLink && strike.fault <= Fault::kSlowReader) {
    return PerformOnNetwork(strike, victims);
  }
  if (strike.fault == Fault::kPowerCutOfAll) {
    for (const ServerId sid : all) {
      Note(strike.fault, RoleOf(sid));
      CrashFor(sid, ModeOf(strike.dice[1]), strike.lasts);
    }
    return;
  }
  if (strike.fault == Fault::kLoseEmptyDisk) return LoseEmptyDisk(strike, victims);
  if (!cluster_.up(one)) return;
  if (strike.fault >= Fault::kWipeDisk && strike.fault <= Fault::kOverwriteSector) {
    return LoseDisk(strike, one);
  }
  const bool dies_later =
      strike.fault == Fault::kCrashAtDisk || strike.fault == Fault::kCrashAtSend;
  if (!dies_later) Note(strike.fault, RoleOf(one));
  if (strike.fault >= Fault::kSlowDisk && strike.fault <= Fault::kFullDisk) {
    PerformOnDisk(strike, one);
  } else {
    PerformOnProcess(strike, one);
  }
}

void Nemesis::PerformOnProcess(const Strike& strike, ServerId sid) {
  switch (strike.fault) {
    case Fault::kKill:
      return CrashFor(sid, CrashMode::kProcess, strike.lasts);
    case Fault::kPowerCut:
      return CrashFor(sid, CrashMode::kPower, strike.lasts);
    case Fault::kTornPowerCut:
      return CrashFor(sid, CrashMode::kTorn, strike.lasts);
    case Fault::kCrashAtDisk:
      armed_[sid] = strike.fault;
      CrashAtDisk(strike, sid);
      return RestartAfter(strike.lasts + absl::Seconds(1), sid);
    case Fault::kCrashLoop:
      return CrashAgain(strike, sid);
    case Fault::kCrashAtSend:
      armed_[sid] = strike.fault;
      cluster_.CrashAtSend(sid, 1 + strike.dice[1] % 40, ModeOf(strike.dice[1] >> 8));
      return RestartAfter(strike.lasts + absl::Seconds(1), sid);
    case Fault::kPause:
      cluster_.Pause(sid, true);
      return After(strike.lasts, [this, sid] { cluster_.Pause(sid, false); });
    case Fault::kDriftClock:
      cluster_.clock(sid).SetRate(0.5 + static_cast<double>(strike.dice[1] % 200) / 100);
      return After(strike.lasts, [this, sid] { cluster_.clock(sid).SetRate(1); });
    case Fault::kStallClock:
      cluster_.clock(sid).SetRate(0);
      return After(strike.lasts, [this, sid] { cluster_.clock(sid).SetRate(1); });
    case Fault::kJumpClock:
      return cluster_.clock(sid).Jump(strike.lasts);
    case Fault::kJumpWallClock:
      return cluster_.clock(sid).SetWallOffset(
          absl::Seconds(static_cast<int64_t>(strike.dice[1] % 7200) - 3600));
    case Fault::kSlowApply:
      // Many short ones, or one that takes all the time.
      cluster_.SlowApply(sid, strike.lasts / (strike.dice[1] % 2 == 0 ? 100 : 1));
      return After(strike.lasts, [this, sid] { cluster_.SlowApply(sid, absl::ZeroDuration()); });
    case Fault::kFailApply:
      return cluster_.FailApply(sid);
    case Fault::kTakeSnapshot:
      return cluster_.replica(sid).TakeSnapshot([](absl::StatusOr<Zxid>) {});
    default:
      return;
  }
}

void Nemesis::PerformOnDisk(const Strike& strike, ServerId sid) {
  switch (strike.fault) {
    case Fault::kSlowDisk:
      cluster_.SlowDisk(sid, absl::Milliseconds(static_cast<int64_t>(1 + strike.dice[1] % 200)));
      return After(strike.lasts, [this, sid] { cluster_.SlowDisk(sid, absl::ZeroDuration()); });
    case Fault::kSlowReads:
      cluster_.SlowReads(sid, strike.lasts / 2);
      return After(strike.lasts, [this, sid] { cluster_.SlowReads(sid, absl::ZeroDuration()); });
    case Fault::kStallDisk:
      return cluster_.StallDisk(sid, strike.lasts);
    case Fault::kFailWrite: {
      constexpr Step kChanges[] = {Step::kWrite, Step::kCreate, Step::kRename, Step::kRemove,
                                   Step::kResize};
      const uint64_t dice = strike.dice[1] % 10;
      return cluster_.FailDisk(sid, dice < std::size(kChanges) ? kChanges[dice] : Step::kWrite);
    }
    case Fault::kFailSync:
      return cluster_.FailDisk(sid, strike.dice[1] % 4 == 0 ? Step::kSyncDirectory : Step::kSync);
    case Fault::kFailRead:
      return cluster_.FailRead(sid);
    case Fault::kFullDisk:
      cluster_.FillDisk(sid, true);
      return After(strike.lasts, [this, sid] { cluster_.FillDisk(sid, false); });
    default:
      return;
  }
}

// A lost disk needs help from outside that does not exist yet, so a quorum keeps
// theirs.
bool Nemesis::MayLose(ServerId sid) const {
  const size_t minority = (cluster_.servers().size() - 1) / 2;
  return lost_.size() < minority || std::find(lost_.begin(), lost_.end(), sid) != lost_.end();
}

void Nemesis::CountLost(ServerId sid) {
  if (std::find(lost_.begin(), lost_.end(), sid) == lost_.end()) lost_.push_back(sid);
}

void Nemesis::LoseDisk(const Strike& strike, ServerId sid) {
  // Nobody founds without a server that refuses to start.
  if (!founded_ && strike.fault != Fault::kWipeDisk) return;
  if (!MayLose(sid)) return;
  const std::optional<Role> role = RoleOf(sid);
  Crash(sid, CrashMode::kPower);
  if (strike.fault == Fault::kWipeDisk) {
    cluster_.WipeDisk(sid);
  } else if (!DamageDisk(strike, sid)) {
    return RestartAfter(strike.lasts, sid);
  }
  CountLost(sid);
  Note(strike.fault, role);
  // It may be refused: then there is nothing to try again for.
  After(strike.lasts, [this, sid] { (void)cluster_.Start(sid); });
}

// One voter knows the disk that is lost, and its own stalls, so that it would be late to
// say what it has founded on; another meets the next disk only. Or all of them meet, and
// may have founded when the disk is lost: then that voter is not waited for.
void Nemesis::LoseEmptyDisk(const Strike& strike, const Victims& victims) {
  constexpr absl::Duration kStalls = absl::Seconds(1);
  const ServerId loser = victims.a, knows = victims.b;
  const std::vector<ServerId>& all = cluster_.servers();
  const auto meets_late = std::find_if(all.begin(), all.end(),
                                       [&](ServerId sid) { return sid != loser && sid != knows; });
  if (meets_late == all.end()) return;
  const bool apart = strike.dice[1] % 4 != 0;
  if (apart) {
    const ServerId other = *meets_late;
    cluster_.network().Cut(loser, other);
    EndAfter(std::minmax(loser, other), strike.lasts,
             [this, loser, other] { cluster_.network().Mend(loser, other); });
  } else {
    CountLost(loser);
  }
  cluster_.StallDisk(knows, kStalls);
  After(strike.lasts / 2, [this, strike, loser, other = *meets_late, apart] {
    if (apart &&
        met_.contains(
            {other, loser})) {  // the cut was too late: others may have founded on that disk
      if (!MayLose(loser)) return;
      CountLost(loser);
    }
    Note(strike.fault, RoleOf(loser));
    Crash(loser, CrashMode::kPower);
    cluster_.WipeDisk(loser);
    RestartAfter(strike.lasts / 4, loser);
  });
}

bool Nemesis::DamageDisk(const Strike& strike, ServerId sid) {
  constexpr int kTries = 16;  // what is too fresh, or alike, is no place for it
  SimRandom random(strike.dice[1]);
  for (int i = 0; i < kTries; ++i) {
    if (DamageSomewhere(strike.fault, sid, &random)) return true;
  }
  return false;
}

bool Nemesis::DamageSomewhere(Fault fault, ServerId sid, SimRandom* random) {
  const std::vector<std::string> files = cluster_.disk(sid).Files();
  if (files.empty()) return false;
  // Half of it in the newest segment of the log: there is what nobody has a copy of yet.
  const auto in_log = [](const std::string& path) { return path.find("/log-") != path.npos; };
  const auto newest = std::find_if(files.rbegin(), files.rend(), in_log);
  const bool any = random->Below(2) == 0 || newest == files.rend();
  const std::string& path = any ? files[random->Below(files.size())] : *newest;
  const size_t size = UsedBytes(*cluster_.disk(sid).Contents(path));
  if (size == 0) return false;
  // Half of it among what was written last, which least vouches for.
  const size_t region = random->Below(2) == 0 ? size : std::min<size_t>(size, 2048);
  const uint64_t at = size - region + random->Below(region);
  const uint64_t sector = at - at % 512;
  if (!cluster_.Settled(sid, path, at) || !cluster_.Settled(sid, path, sector)) return false;
  if (fault == Fault::kRotDisk) {
    return cluster_.FlipBit(sid, path, at, static_cast<int>(random->Below(8)));
  }
  if (fault == Fault::kLoseSector) return cluster_.LoseSector(sid, path, sector);
  return cluster_.OverwriteSector(sid, path, sector, random->Below(1 + size / 512) * 512);
}

// Some on this side, some on the other.
void Nemesis::Partition(const Strike& strike) {
  const std::vector<ServerId>& all = cluster_.servers();
  const uint64_t drawn = 1 + strike.dice[1] % ((uint64_t{1} << all.size()) - 2);
  std::set<ServerId> side;
  for (size_t i = 0; i < all.size(); ++i) {
    if (drawn >> i & 1) side.insert(all[i]);
  }
  cluster_.network().Partition(side);
}

// It comes back when the others have taken theirs, or not much later; and may be left
// behind again at once, with a state machine that is busy all the while.
void Nemesis::LeaveBehind(const Strike& strike, ServerId sid) {
  constexpr absl::Duration kTakes = absl::Milliseconds(500);
  const absl::Duration each = strike.lasts + kTakes;
  const int times = strike.dice[1] % 2 == 0 ? 1 : 2;
  if (times == 2) {
    cluster_.SlowApply(sid, 4 * each);
    After(2 * each, [this, sid] { cluster_.SlowApply(sid, absl::ZeroDuration()); });
  }
  for (int time = 0; time < times; ++time) {
    const absl::Duration begin = 2 * time * each;
    After(begin, [this, sid, each] {
      cluster_.network().Partition({sid});
      EndAfter({kNoServer, kNoServer}, each, [this] { cluster_.network().Partition({}); });
    });
    After(begin + strike.lasts, [this, sid] {
      for (const ServerId other : cluster_.servers()) {
        if (other == sid || !cluster_.up(other)) continue;
        cluster_.replica(other).TakeSnapshot([](absl::StatusOr<Zxid>) {});
      }
    });
  }
}

// What lasts longest of its kind there ends it.
void Nemesis::EndAfter(std::pair<ServerId, ServerId> where, absl::Duration lasts,
                       std::function<void()> repair) {
  absl::Duration& until = lasting_[where];
  until = std::max(until, cluster_.now() + lasts);
  After(lasts, [this, where, repair = std::move(repair)] {
    if (cluster_.now() >= lasting_[where]) repair();
  });
}

// A fault of a link, of a partition, of a reader and of all delays each ends when the
// last of its kind there does.
void Nemesis::PerformOnNetwork(const Strike& strike, const Victims& victims) {
  const ServerId a = victims.a, b = victims.b;
  if (a == b) return;
  const ServerId led = cluster_.leader().value_or(a);
  const std::optional<Role> role = RoleOf(strike.fault == Fault::kIsolateLeader ? led : a);
  SimNetwork& network = cluster_.network();
  bool done = true;
  std::pair<ServerId, ServerId> where = std::minmax(a, b);
  std::function<void()> repair = [&network, a, b] { network.Mend(a, b); };
  absl::Duration lasts = strike.lasts;
  switch (strike.fault) {
    case Fault::kBreakLink:
      done = network.Disconnect(a, b);
      repair = nullptr;
      break;
    case Fault::kReplaceLink:
      done = network.Replace(a, b);
      repair = nullptr;
      break;
    case Fault::kFlap:
      Flap(a, b, lasts);
      repair = nullptr;
      break;
    case Fault::kCutLink:
      network.Cut(a, b);
      break;
    case Fault::kPartition:
      Partition(strike);
      where = {kNoServer, kNoServer};
      repair = [&network] { network.Partition({}); };
      break;
    case Fault::kIsolateLeader:
      network.Partition({led});
      where = {kNoServer, kNoServer};
      repair = [&network] { network.Partition({}); };
      lasts += absl::Seconds(2);  // it has to be replaced
      break;
    case Fault::kLeaveBehind:
      LeaveBehind(strike, a);
      repair = nullptr;
      break;
    case Fault::kStallOneWay:
      network.Stall(a, b);
      break;
    case Fault::kLoseOneWay:
      network.Lose(a, b);
      break;
    case Fault::kSlowLink:
      network.SetDelay(a, b, absl::Milliseconds(1), lasts / 10);
      break;
    case Fault::kSlowNetwork:
      network.SetDelay(absl::Milliseconds(1), absl::Milliseconds(1 + strike.dice[1] % 100));
      where = {kNoServer, cluster_.servers().front()};  // of all
      repair = [&network] {
        network.SetDelay(network.options().delay_min, network.options().delay_max);
      };
      break;
    case Fault::kSlowReader:
      network.SetReading(a, false);
      where = {a, a};
      repair = [&network, a] { network.SetReading(a, true); };
      break;
    default:
      return;
  }
  if (done) Note(strike.fault, role);
  if (repair) EndAfter(where, lasts, std::move(repair));
}

void Nemesis::Flap(ServerId a, ServerId b, absl::Duration lasts) {
  constexpr absl::Duration kPeriod = absl::Milliseconds(100);
  cluster_.network().Disconnect(a, b);
  if (lasts > kPeriod) {
    After(kPeriod, [this, a, b, left = lasts - kPeriod] { Flap(a, b, left); });
  }
}

}  // namespace v1
}  // namespace zkq::testing
