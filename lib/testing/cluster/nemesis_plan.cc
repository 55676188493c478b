// What a nemesis does and when: drawn from the seed, all of it before the run.
#include "zkq/testing/nemesis.h"

#include <algorithm>
#include <utility>

namespace zkq::testing {
inline namespace v1 {
namespace {

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
      {Fault::kFlap, 2},       {Fault::kSlowReader, 2},    {Fault::kLeaveBehind, 3},
  };
  return all;
}

const std::vector<Weighted>& DiskFaults() {
  static const auto& all = *new std::vector<Weighted>{
      {Fault::kSlowDisk, 3},  {Fault::kSlowReads, 3},    {Fault::kStallDisk, 3},
      {Fault::kFailWrite, 2}, {Fault::kFailSync, 2},     {Fault::kFailRead, 2},
      {Fault::kFullDisk, 2},  {Fault::kTakeSnapshot, 3},
  };
  return all;
}

const std::vector<Weighted>& OtherFaults() {
  static const auto& all = *new std::vector<Weighted>{
      {Fault::kDriftClock, 2},    {Fault::kStallClock, 1}, {Fault::kJumpClock, 1},
      {Fault::kJumpWallClock, 1}, {Fault::kSlowApply, 4},  {Fault::kFailApply, 1},
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
  static const size_t kRare[] = {MessageBody(LeaderInfo{}).index(),
                                 MessageBody(AckEpoch{}).index(),
                                 MessageBody(Trunc{}).index(),
                                 MessageBody(Snap{}).index(),
                                 MessageBody(NewLeader{}).index(),
                                 MessageBody(Refusal{}).index(),
                                 kMessageKinds - 1};
  if (random->Below(2) == 0) return kRare[random->Below(std::size(kRare))];
  return random->Below(kMessageKinds);
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

// A while that begins with the start, and may be over before the voters have met.
std::optional<Strike> FoundingStrike(uint64_t seed) {
  SimRandom random(seed ^ 0x666f'756e'6469'6e67);
  if (random.Below(6) != 0) return std::nullopt;
  Strike strike{.fault = Fault::kLoseEmptyDisk, .lasts = Drawn(&random, absl::Seconds(1))};
  for (uint64_t& die : strike.dice) die = random.Next();
  return strike;
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
                                         "leave behind",
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
                                         "fail read",
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
                                         "take snapshot",
                                         "lose empty disk"};
  static_assert(std::size(kNames) == kFaults);
  return kNames[static_cast<size_t>(fault)];
}

std::string_view ToString(Profile profile) {
  constexpr std::string_view kNames[] = {"calm", "network", "disk", "crash", "rot", "everything"};
  static_assert(std::size(kNames) == static_cast<size_t>(Profile::kMax));
  return kNames[static_cast<size_t>(profile)];
}

size_t KindOf(const SimNetworkObserver::Carried& carried) {
  if (carried.message != nullptr) return carried.message->body.index();
  return carried.notification != nullptr ? kMessageKinds - 2 : kMessageKinds - 1;
}

std::string_view MessageName(size_t kind) {
  constexpr std::string_view kNames[] = {"FollowerInfo", "LeaderInfo", "AckEpoch",       "Diff",
                                         "Trunc",        "Snap",       "NewLeader",      "UpToDate",
                                         "Proposal",     "Ack",        "Commit",         "Request",
                                         "Refusal",      "ReadIndex",  "ReadIndexReply", "Ping",
                                         "Pong",         "SessionEnd", "Notification",   "Piece"};
  static_assert(std::size(kNames) == kMessageKinds);
  return kNames[kind];
}

std::string ToString(const Moment& moment) {
  switch (moment.kind) {
    case Moment::Kind::kAny:
      return "";
    case Moment::Kind::kPhase:
      return std::string(ToString(moment.state)) + " in " + std::string(ToString(moment.phase));
    case Moment::Kind::kMessage:
      return std::string(MessageName(moment.message));
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
  const std::optional<Strike> founding = FoundingStrike(seed);
  if (founding && total > 0) strikes.push_back(*founding);
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

}  // namespace v1
}  // namespace zkq::testing
