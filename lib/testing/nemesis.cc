#include "zkq/testing/nemesis.h"

#include <algorithm>
#include <set>
#include <utility>

namespace zkq::testing {
inline namespace v1 {
namespace {

using Step = MemoryFileSystem::Step;

struct Weighted {
  Fault fault;
  uint64_t weight;
};

const std::vector<Weighted>& ProcessFaults() {
  static const auto& all = *new std::vector<Weighted>{
      {Fault::kKill, 3},        {Fault::kPowerCut, 4},      {Fault::kTornPowerCut, 4},
      {Fault::kCrashAtDisk, 8}, {Fault::kCrashAtSend, 6},   {Fault::kCrashLoop, 5},
      {Fault::kPause, 3},       {Fault::kPowerCutOfAll, 1}, {Fault::kTakeSnapshot, 3},
  };
  return all;
}

const std::vector<Weighted>& NetworkFaults() {
  static const auto& all = *new std::vector<Weighted>{
      {Fault::kBreakLink, 5},  {Fault::kReplaceLink, 4},   {Fault::kCutLink, 4},
      {Fault::kPartition, 3},  {Fault::kIsolateLeader, 3}, {Fault::kStallOneWay, 3},
      {Fault::kLoseOneWay, 2}, {Fault::kSlowLink, 2},      {Fault::kSlowNetwork, 1},
      {Fault::kFlap, 2},       {Fault::kSlowReader, 2},
  };
  return all;
}

const std::vector<Weighted>& DiskFaults() {
  static const auto& all = *new std::vector<Weighted>{
      {Fault::kSlowDisk, 3},     {Fault::kSlowReads, 3}, {Fault::kStallDisk, 3},
      {Fault::kFailWrite, 2},    {Fault::kFailSync, 2},  {Fault::kFullDisk, 2},
      {Fault::kTakeSnapshot, 3},
  };
  return all;
}

const std::vector<Weighted>& OtherFaults() {
  static const auto& all = *new std::vector<Weighted>{
      {Fault::kDriftClock, 2},    {Fault::kStallClock, 1}, {Fault::kJumpClock, 1},
      {Fault::kJumpWallClock, 1}, {Fault::kSlowApply, 1},  {Fault::kFailApply, 1},
  };
  return all;
}

const std::vector<Weighted>& RotFaults() {
  static const auto& all = *new std::vector<Weighted>{{Fault::kWipeDisk, 3},
                                                      {Fault::kRotDisk, 3},
                                                      {Fault::kLoseSector, 3},
                                                      {Fault::kOverwriteSector, 2}};
  return all;
}

std::vector<Weighted> FaultsOf(Profile profile) {
  std::vector<Weighted> all;
  const auto add = [&](const std::vector<Weighted>& some, uint64_t times) {
    for (const Weighted& one : some) all.push_back({one.fault, one.weight * times});
  };
  switch (profile) {
    case Profile::kNetwork:
      add(NetworkFaults(), 5);
      add(ProcessFaults(), 1);
      break;
    case Profile::kDisk:
      add(DiskFaults(), 5);
      add(ProcessFaults(), 2);
      break;
    case Profile::kCrashHeavy:
      add(ProcessFaults(), 1);
      break;
    case Profile::kRot:
      add(RotFaults(), 2);
      add(ProcessFaults(), 1);
      break;
    case Profile::kEverything:
      for (const auto* some : {&ProcessFaults(), &NetworkFaults(), &DiskFaults(), &OtherFaults()}) {
        add(*some, 1);
      }
      break;
    case Profile::kCalm:
    case Profile::kMax:
      break;
  }
  return all;
}

// Short far more often than long.
absl::Duration Drawn(SimRandom* random, absl::Duration longest) {
  absl::Duration drawn = longest;
  for (uint64_t halvings = random->Below(8); halvings > 0; --halvings) drawn /= 2;
  return drawn * (1 + static_cast<double>(random->Below(1000)) / 1000) / 2;
}

// Any kind, and half of the time one that is seldom sent.
size_t DrawnMessage(SimRandom* random) {
  static const size_t kRare[] = {MessageBody(LeaderInfo{}).index(), MessageBody(AckEpoch{}).index(),
                                 MessageBody(Trunc{}).index(),      MessageBody(Snap{}).index(),
                                 MessageBody(NewLeader{}).index(),  MessageBody(Refusal{}).index()};
  if (random->Below(2) == 0) return kRare[random->Below(std::size(kRare))];
  return random->Below(std::variant_size_v<MessageBody> + 1);
}

// What is short: every phase but broadcast, and any message.
Moment DrawnMoment(SimRandom* random) {
  constexpr std::pair<PeerState, ZabPhase> kPhases[] = {
      {PeerState::kLooking, ZabPhase::kElection},
      {PeerState::kFollowing, ZabPhase::kDiscovery},
      {PeerState::kFollowing, ZabPhase::kSynchronization},
      {PeerState::kLeading, ZabPhase::kDiscovery},
      {PeerState::kLeading, ZabPhase::kSynchronization}};
  switch (random->Below(6)) {
    case 0: {
      const auto [state, phase] = kPhases[random->Below(std::size(kPhases))];
      return {.kind = Moment::Kind::kPhase, .state = state, .phase = phase};
    }
    case 1:
      return {.kind = Moment::Kind::kMessage, .message = DrawnMessage(random)};
    default:
      return {};
  }
}

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

std::string_view ToString(Fault fault) {
  constexpr std::string_view kNames[] = {"kill",
                                         "power cut",
                                         "torn power cut",
                                         "power cut of all",
                                         "crash at disk",
                                         "crash at send",
                                         "crash loop",
                                         "pause",
                                         "break link",
                                         "replace link",
                                         "cut link",
                                         "partition",
                                         "isolate leader",
                                         "stall one way",
                                         "lose one way",
                                         "slow link",
                                         "slow network",
                                         "flap",
                                         "slow reader",
                                         "slow disk",
                                         "slow reads",
                                         "stall disk",
                                         "fail write",
                                         "fail sync",
                                         "full disk",
                                         "wipe disk",
                                         "rot disk",
                                         "lose sector",
                                         "overwrite sector",
                                         "drift clock",
                                         "stall clock",
                                         "jump clock",
                                         "jump wall clock",
                                         "slow apply",
                                         "fail apply",
                                         "take snapshot"};
  static_assert(std::size(kNames) == kFaults);
  return kNames[static_cast<size_t>(fault)];
}

std::string_view ToString(Profile profile) {
  constexpr std::string_view kNames[] = {"calm", "network", "disk", "crash", "rot", "everything"};
  static_assert(std::size(kNames) == static_cast<size_t>(Profile::kMax));
  return kNames[static_cast<size_t>(profile)];
}

std::string ToString(const Moment& moment) {
  constexpr std::string_view kKinds[] = {"FollowerInfo", "LeaderInfo", "AckEpoch",       "Diff",
                                         "Trunc",        "Snap",       "NewLeader",      "UpToDate",
                                         "Proposal",     "Ack",        "Commit",         "Request",
                                         "Refusal",      "ReadIndex",  "ReadIndexReply", "Ping",
                                         "Pong",         "SessionEnd", "Notification"};
  static_assert(std::size(kKinds) == std::variant_size_v<MessageBody> + 1);
  switch (moment.kind) {
    case Moment::Kind::kAny:
      return "";
    case Moment::Kind::kPhase:
      return std::string(ToString(moment.state)) + " in " + std::string(ToString(moment.phase));
    case Moment::Kind::kMessage:
      return std::string(kKinds[moment.message]);
  }
  return "?";
}

std::vector<Strike> PlanStrikes(Profile profile, uint64_t seed, absl::Duration length) {
  constexpr absl::Duration kLongestPause = absl::Seconds(8);
  constexpr absl::Duration kLongestFault = absl::Seconds(8);
  const std::vector<Weighted> faults = FaultsOf(profile);
  uint64_t total = 0;
  for (const Weighted& one : faults) total += one.weight;
  SimRandom random(seed ^ 0x6e65'6d65'7369'73);
  std::vector<Strike> strikes;
  absl::Duration at = Drawn(&random, kLongestPause);
  for (; total > 0 && at < length; at += Drawn(&random, kLongestPause)) {
    Strike strike{.at = at};
    uint64_t pick = random.Below(total);
    for (const Weighted& one : faults) {
      if (pick < one.weight) {
        strike.fault = one.fault;
        break;
      }
      pick -= one.weight;
    }
    strike.lasts = Drawn(&random, kLongestFault);
    for (uint64_t& die : strike.dice) die = random.Next();
    strike.moment = DrawnMoment(&random);
    strikes.push_back(strike);
  }
  return strikes;
}

Nemesis::Nemesis(SimCluster* cluster, Witness witness)
    : cluster_(*cluster), witness_(std::move(witness)) {
  cluster_.Observe(this);
}

Nemesis::~Nemesis() { cluster_.Forget(this); }

void Nemesis::Run(const std::vector<Strike>& strikes, absl::Duration length) {
  const absl::Duration begin = cluster_.now();
  for (const Strike& strike : strikes) {
    RunUntil(begin + strike.at);
    if (cluster_.violation()) return;
    Begin(strike);
  }
  RunUntil(begin + length);
  waiting_.clear();
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
  const size_t sent =
      carried.message != nullptr ? carried.message->body.index() : std::variant_size_v<MessageBody>;
  const auto matches = [&](const Moment& moment) {
    return moment.kind == Moment::Kind::kMessage && moment.message == sent;
  };
  Spring(matches, route.from, route.to);
}

void Nemesis::OnStatus(ServerId sid, const ReplicaStatus& status) {
  if (waiting_.empty()) return;
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

// Runs to `when`, with the repairs that come before it, and starts anew whoever has
// fallen by itself.
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

// A replica that has halted is a process that its supervisor starts again.
void Nemesis::KeepUp() {
  for (const ServerId sid : cluster_.servers()) {
    if (cluster_.up(sid) && !cluster_.Status(sid).health.ok()) {
      CrashFor(sid, CrashMode::kPower, absl::Milliseconds(200));
    }
  }
}

void Nemesis::After(absl::Duration delay, std::function<void()> what) {
  repairs_.push_back({cluster_.now() + delay, std::move(what)});
}

void Nemesis::CrashFor(ServerId sid, CrashMode mode, absl::Duration down) {
  cluster_.Crash(sid, mode);
  After(down, [this, sid] { Restart(sid); });
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
  constexpr absl::Duration kUp = absl::Milliseconds(1500);
  const uint64_t dice = strike.dice[1];
  cluster_.Crash(sid, ModeOf(dice));
  if (dice / 4 % 4 == 0) return After(strike.lasts, [this, sid] { Restart(sid); });
  Strike next = strike;
  next.dice[1] = dice / 16;
  After(absl::Milliseconds(1 + dice / 16 % 100), [this, next, sid] {
    if (cluster_.up(sid)) return;
    if (next.moment.kind == Moment::Kind::kAny) {
      cluster_.CrashAtDisk(sid, 1 + next.dice[1] % 24, ModeOf(next.dice[1] >> 8));
      After(kUp, [this, next, sid] { CrashAgain(next, sid); });
    } else {
      waiting_.push_back(next);
    }
    Restart(sid);
  });
}

// A start may fail, by a fault that lasts or comes in the middle of it: it is tried
// again, as by a supervisor.
void Nemesis::Restart(ServerId sid) {
  if (cluster_.up(sid) || cluster_.Start(sid).ok()) return;
  After(absl::Seconds(1), [this, sid] { Restart(sid); });
}

void Nemesis::Note(Fault fault, ServerId sid) {
  if (witness_) witness_(fault, sid);
}

Nemesis::Victims Nemesis::Drawn(const Strike& strike) const {
  const std::vector<ServerId>& all = cluster_.servers();
  const ServerId a = all[strike.dice[0] % all.size()];
  const ServerId b = all[(strike.dice[0] + 1 + strike.dice[1] % (all.size() - 1)) % all.size()];
  // Half of what strikes one server strikes the leader: most depends on it.
  return {.one = strike.dice[2] % 2 == 0 ? cluster_.leader().value_or(a) : a, .a = a, .b = b};
}

void Nemesis::Perform(const Strike& strike, const Victims& victims) {
  const std::vector<ServerId>& all = cluster_.servers();
  const ServerId one = victims.one;
  if (strike.fault >= Fault::kBreakLink && strike.fault <= Fault::kSlowReader) {
    return PerformOnNetwork(strike, victims);
  }
  if (strike.fault == Fault::kPowerCutOfAll) {
    for (const ServerId sid : all) {
      Note(strike.fault, sid);
      CrashFor(sid, ModeOf(strike.dice[1]), strike.lasts);
    }
    return;
  }
  if (!cluster_.up(one)) return;
  if (strike.fault >= Fault::kWipeDisk && strike.fault <= Fault::kOverwriteSector) {
    return LoseDisk(strike, one);
  }
  Note(strike.fault, one);
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
      CrashAtDisk(strike, sid);
      return After(strike.lasts + absl::Seconds(1), [this, sid] { Restart(sid); });
    case Fault::kCrashLoop:
      return CrashAgain(strike, sid);
    case Fault::kCrashAtSend:
      cluster_.CrashAtSend(sid, 1 + strike.dice[1] % 40, ModeOf(strike.dice[1] >> 8));
      return After(strike.lasts + absl::Seconds(1), [this, sid] { Restart(sid); });
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
      cluster_.SlowApply(sid, strike.lasts / 100);
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
    case Fault::kFailWrite:
      return cluster_.FailDisk(sid, Step::kWrite);
    case Fault::kFailSync:
      return cluster_.FailDisk(sid, Step::kSync);
    case Fault::kFullDisk:
      cluster_.FillDisk(sid, true);
      return After(strike.lasts, [this, sid] { cluster_.FillDisk(sid, false); });
    default:
      return;
  }
}

// A lost disk needs help from outside that does not exist yet, so a quorum keeps
// theirs.
void Nemesis::LoseDisk(const Strike& strike, ServerId sid) {
  const size_t minority = (cluster_.servers().size() - 1) / 2;
  const bool already = std::find(lost_.begin(), lost_.end(), sid) != lost_.end();
  if (!already && lost_.size() >= minority) return;
  if (!already) lost_.push_back(sid);
  Note(strike.fault, sid);
  cluster_.Crash(sid, CrashMode::kPower);
  if (strike.fault == Fault::kWipeDisk) {
    cluster_.WipeDisk(sid);
  } else {
    DamageDisk(strike, sid);
  }
  // Damage may be refused: then there is nothing to try again for.
  After(strike.lasts, [this, sid] { (void)cluster_.Start(sid); });
}

void Nemesis::DamageDisk(const Strike& strike, ServerId sid) {
  const std::vector<std::string> files = cluster_.disk(sid).Files();
  if (files.empty()) return;
  const std::string& path = files[strike.dice[1] % files.size()];
  const size_t size = UsedBytes(*cluster_.disk(sid).Contents(path));
  if (size == 0) return;
  // Half of it among what was written last, which least vouches for.
  const size_t region = strike.dice[1] >> 24 & 1 ? size : std::min<size_t>(size, 2048);
  const uint64_t at = size - region + strike.dice[2] % region;
  const uint64_t sector = at - at % 512;
  if (!cluster_.Settled(sid, path, at) || !cluster_.Settled(sid, path, sector)) return;
  if (strike.fault == Fault::kRotDisk) {
    cluster_.FlipBit(sid, path, at, strike.dice[1] >> 16 & 7);
  } else if (strike.fault == Fault::kLoseSector) {
    cluster_.LoseSector(sid, path, sector);
  } else {
    cluster_.OverwriteSector(sid, path, sector, strike.dice[0] % (1 + size / 512) * 512);
  }
}

void Nemesis::PerformOnNetwork(const Strike& strike, const Victims& victims) {
  const auto [one, a, b] = victims;
  const ServerId led = cluster_.leader().value_or(a);
  Note(strike.fault, strike.fault == Fault::kIsolateLeader ? led : a);
  SimNetwork& network = cluster_.network();
  const std::vector<ServerId>& all = cluster_.servers();
  const auto heal = [this] { cluster_.network().Heal(); };
  switch (strike.fault) {
    case Fault::kBreakLink:
      return network.Disconnect(a, b);
    case Fault::kReplaceLink:
      return network.Replace(a, b);
    case Fault::kCutLink:
      network.Cut(a, b);
      break;
    case Fault::kPartition: {
      std::set<ServerId> side;
      for (size_t i = 0; i < all.size(); ++i) {
        if (strike.dice[1] >> i & 1) side.insert(all[i]);
      }
      network.Partition(side);
      break;
    }
    case Fault::kIsolateLeader:
      network.Partition({led});
      return After(strike.lasts + absl::Seconds(2), heal);  // it has to be replaced
    case Fault::kStallOneWay:
      network.Stall(a, b);
      break;
    case Fault::kLoseOneWay:
      network.Lose(a, b);
      break;
    case Fault::kSlowLink:
      network.SetDelay(a, b, absl::Milliseconds(1), strike.lasts / 10);
      break;
    case Fault::kSlowNetwork:
      network.SetDelay(absl::Milliseconds(1), absl::Milliseconds(1 + strike.dice[1] % 100));
      return After(strike.lasts, [this] {
        const SimNetworkOptions usual;
        cluster_.network().SetDelay(usual.delay_min, usual.delay_max);
      });
    case Fault::kFlap:
      return Flap(a, b, strike.lasts);
    case Fault::kSlowReader:
      network.SetReading(a, false);
      break;
    default:
      return;
  }
  After(strike.lasts, heal);
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
