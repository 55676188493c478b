// What a nemesis does and when: drawn from the seed, all of it before the run.
#include "zkq/testing/nemesis.h"

#include <algorithm>
#include <utility>

#include "lib/testing/cluster/fault_table.h"

namespace zkq::testing {
inline namespace v1 {
namespace {

struct Weighted {
  Fault fault;
  uint64_t weight;
};

std::vector<Weighted> FaultsOf(Profile profile) {
  std::vector<Weighted> all;
  const auto add = [&](uint8_t families, uint64_t times) {
    for (const FaultRow& row : FaultTable()) {
      if (row.families & families) all.push_back({row.fault, row.weight * times});
    }
  };
  switch (profile) {
    case Profile::kNetwork:
      add(kOfNetworks, 5);
      add(kOfProcesses, 1);
      break;
    case Profile::kDisk:
      add(kOfDisks, 5);
      add(kOfProcesses, 2);
      break;
    case Profile::kCrashHeavy:
      add(kOfProcesses, 1);
      break;
    case Profile::kRot:
      add(kOfRot, 2);
      add(kOfProcesses, 1);
      break;
    case Profile::kEverything:
      for (const uint8_t family : {kOfProcesses, kOfNetworks, kOfDisks, kOfMachines}) {
        add(family, 1);
      }
      break;
    case Profile::kLasting:
      add(kOfLasting, 1);
      break;
    case Profile::kMembership:
      add(kOfMembers, 6);
      add(kOfProcesses, 1);
      add(kOfNetworks, 1);
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

std::string_view ToString(Fault fault) { return RowOf(fault).name; }

std::string_view ToString(Profile profile) {
  constexpr std::string_view kNames[] = {"calm", "network",    "disk",    "crash",
                                         "rot",  "everything", "lasting", "membership"};
  static_assert(std::size(kNames) == static_cast<size_t>(Profile::kMax));
  return kNames[static_cast<size_t>(profile)];
}

size_t KindOf(const SimNetworkObserver::Carried& carried) {
  if (carried.message != nullptr) return carried.message->body.index();
  return carried.notification != nullptr ? kMessageKinds - 2 : kMessageKinds - 1;
}

std::string_view MessageName(size_t kind) {
  constexpr std::string_view kNames[] = {
      "FollowerInfo",      "LeaderInfo",  "AckEpoch",       "Diff", "Trunc",  "Snap",
      "NewLeader",         "UpToDate",    "Proposal",       "Ack",  "Commit", "Request",
      "Refusal",           "ReadIndex",   "ReadIndexReply", "Ping", "Pong",   "SessionEnd",
      "CommitAndActivate", "Reconfigure", "Notification",   "Piece"};
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

namespace {

std::optional<Strike> TwinStrike(uint64_t seed, absl::Duration length) {
  SimRandom random(seed ^ 0x7477'696e);
  if (random.Below(4) != 0) return std::nullopt;
  Strike strike{.at = length * (static_cast<double>(random.Below(1000)) / 1000),
                .fault = Fault::kAddTwin,
                .lasts = Drawn(&random, absl::Seconds(8))};
  for (uint64_t& die : strike.dice) die = random.Next();
  return strike;
}

std::vector<Strike> Planned(Profile profile, uint64_t seed, absl::Duration length) {
  const absl::Duration longest_pause = absl::Seconds(profile == Profile::kLasting ? 40 : 8);
  constexpr absl::Duration kLongestFault = absl::Seconds(8);
  const std::vector<Weighted> faults = FaultsOf(profile);
  uint64_t total = 0;
  for (const Weighted& one : faults) total += one.weight;
  SimRandom random(seed ^ 0x6e65'6d65'7369'73);
  std::vector<Strike> strikes;
  const std::optional<Strike> founding = FoundingStrike(seed);
  if (founding && total > 0) strikes.push_back(*founding);
  absl::Duration at = Drawn(&random, longest_pause);
  for (; total > 0 && at < length; at += Drawn(&random, longest_pause)) {
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

}  // namespace

// Those of members are drawn apart from all else, and twins apart from those.
std::vector<Strike> PlanStrikes(Profile profile, uint64_t seed, absl::Duration length) {
  std::vector<Strike> strikes = Planned(profile, seed, length);
  if (profile == Profile::kMembership) {
    if (const auto twin = TwinStrike(seed, length)) strikes.push_back(*twin);
  } else if (profile == Profile::kEverything && SimRandom(seed ^ 0x6d65'6d62'6572).Below(3) == 0) {
    for (const Strike& strike : Planned(Profile::kMembership, seed + 1, length)) {
      if (RowOf(strike.fault).families & kOfMembers) strikes.push_back(strike);
    }
  }
  std::stable_sort(strikes.begin(), strikes.end(),
                   [](const Strike& a, const Strike& b) { return a.at < b.at; });
  return strikes;
}

}  // namespace v1
}  // namespace zkq::testing
