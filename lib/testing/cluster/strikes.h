// What each fault does: see fault_table.h. True: it was done to blow.hit; false: not at all,
// or it is noted when it is.
#pragma once

#include "lib/testing/cluster/nemesis_arm.h"

namespace zkq::testing::strikes {

// --- processes ---
bool Kill(NemesisArm& arm, const Blow& blow);
bool PowerCut(NemesisArm& arm, const Blow& blow);
bool TornPowerCut(NemesisArm& arm, const Blow& blow);
bool PowerCutOfAll(NemesisArm& arm, const Blow& blow);
bool RestartOfAll(NemesisArm& arm, const Blow& blow);
bool CrashAtDisk(NemesisArm& arm, const Blow& blow);
bool CrashAtSend(NemesisArm& arm, const Blow& blow);
bool CrashLoop(NemesisArm& arm, const Blow& blow);
bool Pause(NemesisArm& arm, const Blow& blow);
bool DriftClock(NemesisArm& arm, const Blow& blow);
bool StallClock(NemesisArm& arm, const Blow& blow);
bool JumpClock(NemesisArm& arm, const Blow& blow);
bool JumpWallClock(NemesisArm& arm, const Blow& blow);
bool SlowApply(NemesisArm& arm, const Blow& blow);
bool FailApply(NemesisArm& arm, const Blow& blow);
bool TakeSnapshot(NemesisArm& arm, const Blow& blow);

// --- the network ---
bool BreakLink(NemesisArm& arm, const Blow& blow);
bool ReplaceLink(NemesisArm& arm, const Blow& blow);
bool CutLink(NemesisArm& arm, const Blow& blow);
bool Partition(NemesisArm& arm, const Blow& blow);
bool IsolateLeader(NemesisArm& arm, const Blow& blow);
bool LeaveBehind(NemesisArm& arm, const Blow& blow);
bool StallOneWay(NemesisArm& arm, const Blow& blow);
bool SilenceOneWay(NemesisArm& arm, const Blow& blow);
bool SilenceLink(NemesisArm& arm, const Blow& blow);
bool SilenceAround(NemesisArm& arm, const Blow& blow);
bool SilentPartition(NemesisArm& arm, const Blow& blow);
bool HalfOpen(NemesisArm& arm, const Blow& blow);
bool SwallowLarge(NemesisArm& arm, const Blow& blow);
bool MissingLinks(NemesisArm& arm, const Blow& blow);
bool FarAway(NemesisArm& arm, const Blow& blow);
bool ThinLine(NemesisArm& arm, const Blow& blow);
bool FlipBytes(NemesisArm& arm, const Blow& blow);
bool ResetHandshakes(NemesisArm& arm, const Blow& blow);
bool DeafListener(NemesisArm& arm, const Blow& blow);
bool ChangeAddress(NemesisArm& arm, const Blow& blow);
bool SlowLink(NemesisArm& arm, const Blow& blow);
bool SlowNetwork(NemesisArm& arm, const Blow& blow);
bool Flap(NemesisArm& arm, const Blow& blow);
bool SlowReader(NemesisArm& arm, const Blow& blow);

// --- disks ---
bool SlowDisk(NemesisArm& arm, const Blow& blow);
bool CrawlingDisk(NemesisArm& arm, const Blow& blow);
bool SlowReads(NemesisArm& arm, const Blow& blow);
bool StallDisk(NemesisArm& arm, const Blow& blow);
bool FailWrite(NemesisArm& arm, const Blow& blow);
bool FailSync(NemesisArm& arm, const Blow& blow);
bool FailRead(NemesisArm& arm, const Blow& blow);
bool FullDisk(NemesisArm& arm, const Blow& blow);
bool WipeDisk(NemesisArm& arm, const Blow& blow);
bool DamageDisk(NemesisArm& arm, const Blow& blow);
bool LoseEmptyDisk(NemesisArm& arm, const Blow& blow);

// --- members ---
bool Reconfigure(NemesisArm& arm, const Blow& blow);
bool AddServer(NemesisArm& arm, const Blow& blow);
bool LoseDisk(NemesisArm& arm, const Blow& blow);
bool InsertDisk(NemesisArm& arm, const Blow& blow);
bool StopLeftOut(NemesisArm& arm, const Blow& blow);
bool AddTwin(NemesisArm& arm, const Blow& blow);

}  // namespace zkq::testing::strikes
