#include "lib/testing/cluster/fault_table.h"

#include <algorithm>
#include <iterator>

#include "lib/testing/cluster/strikes.h"

namespace zkq::testing {
namespace {

using Whom = FaultRow::Whom;

constexpr uint8_t kOfBoth = kOfProcesses | kOfDisks;

constexpr FaultRow kTable[] = {
    {Fault::kKill, "kill", kOfProcesses | kOfLasting, 3, Whom::kOne, strikes::Kill},
    {Fault::kPowerCut, "power cut", kOfProcesses, 4, Whom::kOne, strikes::PowerCut},
    {Fault::kTornPowerCut, "torn power cut", kOfProcesses, 4, Whom::kOne, strikes::TornPowerCut},
    {Fault::kPowerCutOfAll, "power cut of all", kOfProcesses, 1, Whom::kAnybody,
     strikes::PowerCutOfAll},
    {Fault::kRestartOfAll, "restart of all", kOfProcesses | kOfLasting, 1, Whom::kAnybody,
     strikes::RestartOfAll},
    {Fault::kCrashAtDisk, "crash at disk", kOfProcesses, 8, Whom::kOne, strikes::CrashAtDisk},
    {Fault::kCrashAtSend, "crash at send", kOfProcesses, 6, Whom::kOne, strikes::CrashAtSend},
    {Fault::kCrashLoop, "crash loop", kOfProcesses, 5, Whom::kOne, strikes::CrashLoop},
    {Fault::kPause, "pause", kOfProcesses, 3, Whom::kOne, strikes::Pause},

    {Fault::kBreakLink, "break link", kOfNetworks, 5, Whom::kPair, strikes::BreakLink},
    {Fault::kReplaceLink, "replace link", kOfNetworks, 4, Whom::kPair, strikes::ReplaceLink},
    {Fault::kCutLink, "cut link", kOfNetworks, 4, Whom::kPair, strikes::CutLink},
    {Fault::kPartition, "partition", kOfNetworks, 3, Whom::kPair, strikes::Partition},
    {Fault::kIsolateLeader, "isolate leader", kOfNetworks, 3, Whom::kLeader,
     strikes::IsolateLeader},
    {Fault::kLeaveBehind, "leave behind", kOfNetworks, 3, Whom::kPair, strikes::LeaveBehind},
    {Fault::kStallOneWay, "stall one way", kOfNetworks, 3, Whom::kPair, strikes::StallOneWay},
    {Fault::kSilenceOneWay, "silence one way", kOfNetworks, 2, Whom::kPair, strikes::SilenceOneWay},
    {Fault::kSilenceLink, "silence link", kOfNetworks, 3, Whom::kPair, strikes::SilenceLink},
    {Fault::kSilenceAround, "silence around", kOfNetworks, 3, Whom::kOne, strikes::SilenceAround},
    {Fault::kSilentPartition, "silent partition", kOfNetworks, 2, Whom::kPair,
     strikes::SilentPartition},
    {Fault::kHalfOpen, "half open", kOfNetworks, 3, Whom::kPair, strikes::HalfOpen},
    {Fault::kSwallowLarge, "swallow large", kOfNetworks, 2, Whom::kPair, strikes::SwallowLarge},
    {Fault::kMissingLinks, "missing links", kOfNetworks | kOfLasting, 3, Whom::kPair,
     strikes::MissingLinks},
    {Fault::kFarAway, "far away", kOfNetworks | kOfLasting, 1, Whom::kOne, strikes::FarAway},
    {Fault::kThinLine, "thin line", kOfNetworks, 2, Whom::kPair, strikes::ThinLine},
    {Fault::kFlipBytes, "flip bytes", kOfNetworks, 3, Whom::kPair, strikes::FlipBytes},
    {Fault::kResetHandshakes, "reset handshakes", kOfNetworks, 2, Whom::kPair,
     strikes::ResetHandshakes},
    {Fault::kDeafListener, "deaf listener", kOfNetworks, 2, Whom::kOne, strikes::DeafListener},
    {Fault::kChangeAddress, "change address", kOfNetworks, 2, Whom::kOne, strikes::ChangeAddress},
    {Fault::kSlowLink, "slow link", kOfNetworks, 2, Whom::kPair, strikes::SlowLink},
    {Fault::kSlowNetwork, "slow network", kOfNetworks, 1, Whom::kPair, strikes::SlowNetwork},
    {Fault::kFlap, "flap", kOfNetworks, 2, Whom::kPair, strikes::Flap},
    {Fault::kSlowReader, "slow reader", kOfNetworks, 2, Whom::kPair, strikes::SlowReader},

    {Fault::kSlowDisk, "slow disk", kOfDisks, 3, Whom::kOne, strikes::SlowDisk},
    {Fault::kCrawlingDisk, "crawling disk", kOfDisks | kOfLasting, 2, Whom::kOne,
     strikes::CrawlingDisk},
    {Fault::kSlowReads, "slow reads", kOfDisks, 3, Whom::kOne, strikes::SlowReads},
    {Fault::kStallDisk, "stall disk", kOfDisks, 3, Whom::kOne, strikes::StallDisk},
    {Fault::kFailWrite, "fail write", kOfDisks, 2, Whom::kOne, strikes::FailWrite},
    {Fault::kFailSync, "fail sync", kOfDisks, 2, Whom::kOne, strikes::FailSync},
    {Fault::kFailRead, "fail read", kOfDisks, 2, Whom::kOne, strikes::FailRead},
    {Fault::kFullDisk, "full disk", kOfDisks, 2, Whom::kOne, strikes::FullDisk},
    {Fault::kWipeDisk, "wipe disk", kOfRot, 3, Whom::kOne, strikes::WipeDisk},
    {Fault::kRotDisk, "rot disk", kOfRot, 3, Whom::kOne, strikes::DamageDisk},
    {Fault::kLoseSector, "lose sector", kOfRot, 3, Whom::kOne, strikes::DamageDisk},
    {Fault::kOverwriteSector, "overwrite sector", kOfRot, 2, Whom::kOne, strikes::DamageDisk},

    {Fault::kDriftClock, "drift clock", kOfMachines, 2, Whom::kOne, strikes::DriftClock},
    {Fault::kStallClock, "stall clock", kOfMachines, 1, Whom::kOne, strikes::StallClock},
    {Fault::kJumpClock, "jump clock", kOfMachines, 1, Whom::kOne, strikes::JumpClock},
    {Fault::kJumpWallClock, "jump wall clock", kOfMachines | kOfLasting, 1, Whom::kOne,
     strikes::JumpWallClock},
    {Fault::kSlowApply, "slow apply", kOfMachines, 4, Whom::kOne, strikes::SlowApply},
    {Fault::kFailApply, "fail apply", kOfMachines, 1, Whom::kOne, strikes::FailApply},
    {Fault::kTakeSnapshot, "take snapshot", kOfBoth, 3, Whom::kOne, strikes::TakeSnapshot},
    {Fault::kLoseEmptyDisk, "lose empty disk", kOfFounding, 0, Whom::kAnybody,
     strikes::LoseEmptyDisk},

    {Fault::kReconfigure, "reconfigure", kOfMembers, 12, Whom::kOne, strikes::Reconfigure},
    {Fault::kAddServer, "add server", kOfMembers, 3, Whom::kAnybody, strikes::AddServer},
    {Fault::kLoseDisk, "lose disk", kOfMembers, 3, Whom::kOne, strikes::LoseDisk},
    {Fault::kInsertDisk, "insert disk", kOfMembers, 2, Whom::kOne, strikes::InsertDisk},
    {Fault::kStopLeftOut, "stop left out", kOfMembers, 2, Whom::kAnybody, strikes::StopLeftOut},
    {Fault::kAddTwin, "add twin", kOfMembers, 0, Whom::kOne, strikes::AddTwin},
};

consteval bool InOrder() {
  for (size_t i = 0; i < std::size(kTable); ++i) {
    if (static_cast<size_t>(kTable[i].fault) != i) return false;
  }
  return std::size(kTable) == kFaults;
}
static_assert(InOrder(), "one row for each fault, in the order of the faults");

}  // namespace

std::span<const FaultRow> FaultTable() { return kTable; }

const FaultRow& RowOf(Fault fault) { return kTable[static_cast<size_t>(fault)]; }

}  // namespace zkq::testing
