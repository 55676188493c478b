// Faults of processes, of their clocks, and of the application.
#include "lib/testing/cluster/strikes.h"

namespace zkq::testing::strikes {
namespace {

CrashMode ModeOf(uint64_t die) {
  constexpr CrashMode kModes[] = {CrashMode::kProcess, CrashMode::kPower, CrashMode::kTorn};
  return kModes[die % 3];
}

bool CrashAs(NemesisArm& arm, const Blow& blow, CrashMode mode) {
  arm.CrashFor(blow.hit, mode, blow.lasts());
  return true;
}

// Down, and soon up again, only to fall once more: at the next such moment, or before
// much is done.
void CrashAgain(NemesisArm& arm, const Strike& strike, ServerId sid) {
  const uint64_t dice = strike.dice[1];
  arm.Crash(sid, ModeOf(dice));
  if (dice / 4 % 4 == 0) return arm.RestartAfter(strike.lasts, sid);
  Strike next = strike;
  next.dice[1] = dice / 16;
  arm.After(absl::Milliseconds(1 + dice / 16 % 100), [&arm, next, sid] {
    if (arm.cluster().server(sid).up()) return;
    if (next.moment.kind == Moment::Kind::kAny) {
      arm.cluster().server(sid).CrashAtDisk(1 + next.dice[1] % 24, ModeOf(next.dice[1] >> 8));
      arm.After(absl::Milliseconds(1500), [&arm, next, sid] { CrashAgain(arm, next, sid); });
    } else {
      arm.Wait(next);
    }
    arm.Restart(sid);
  });
}

bool SetRate(NemesisArm& arm, const Blow& blow, double rate) {
  const ServerId sid = blow.hit;
  arm.cluster().server(sid).clock().SetRate(rate);
  arm.After(blow.lasts(), [&arm, sid] { arm.cluster().server(sid).clock().SetRate(1); });
  return true;
}

}  // namespace

bool Kill(NemesisArm& arm, const Blow& blow) { return CrashAs(arm, blow, CrashMode::kProcess); }
bool PowerCut(NemesisArm& arm, const Blow& blow) { return CrashAs(arm, blow, CrashMode::kPower); }
bool TornPowerCut(NemesisArm& arm, const Blow& blow) {
  return CrashAs(arm, blow, CrashMode::kTorn);
}

bool PowerCutOfAll(NemesisArm& arm, const Blow& blow) {
  for (const ServerId sid : arm.servers()) {
    arm.Note(blow.fault(), arm.RoleOf(sid));
    arm.CrashFor(sid, ModeOf(blow.dice()), blow.lasts());
  }
  return false;
}

bool RestartOfAll(NemesisArm& arm, const Blow& blow) {
  SimRandom random(blow.dice());
  for (const ServerId sid : arm.servers()) {
    const auto late = static_cast<int64_t>(random.Below(50));
    arm.Note(blow.fault(), arm.RoleOf(sid));
    arm.CrashFor(sid, CrashMode::kProcess, blow.lasts() + absl::Milliseconds(late));
  }
  return false;
}

// Half of the time at an operation of one kind: most are writes, and what goes wrong
// does so at the others.
bool CrashAtDisk(NemesisArm& arm, const Blow& blow) {
  using Step = MemoryFileSystem::Step;
  constexpr Step kSteps[] = {Step::kCreate, Step::kSync, Step::kSyncDirectory, Step::kRename,
                             Step::kRemove};
  const uint64_t dice = blow.dice();
  const CrashMode mode = ModeOf(dice >> 8);
  arm.Arm(blow.hit, blow.fault());
  if (dice >> 16 & 1) {
    arm.cluster().server(blow.hit).CrashAtDisk(1 + dice % 40, mode);
  } else {
    arm.cluster().server(blow.hit).CrashAtDisk(1 + dice % 4, mode,
                                               kSteps[(dice >> 20) % std::size(kSteps)]);
  }
  arm.RestartAfter(blow.lasts() + absl::Seconds(1), blow.hit);
  return false;
}

bool CrashAtSend(NemesisArm& arm, const Blow& blow) {
  arm.Arm(blow.hit, blow.fault());
  arm.cluster().server(blow.hit).CrashAtSend(1 + blow.dice() % 40, ModeOf(blow.dice() >> 8));
  arm.RestartAfter(blow.lasts() + absl::Seconds(1), blow.hit);
  return false;
}

bool CrashLoop(NemesisArm& arm, const Blow& blow) {
  CrashAgain(arm, blow.strike, blow.hit);
  return true;
}

bool Pause(NemesisArm& arm, const Blow& blow) {
  const ServerId sid = blow.hit;
  arm.cluster().server(sid).Pause(true);
  arm.After(blow.lasts(), [&arm, sid] { arm.cluster().server(sid).Pause(false); });
  return true;
}

bool DriftClock(NemesisArm& arm, const Blow& blow) {
  return SetRate(arm, blow, 0.5 + static_cast<double>(blow.dice() % 200) / 100);
}
bool StallClock(NemesisArm& arm, const Blow& blow) { return SetRate(arm, blow, 0); }

bool JumpClock(NemesisArm& arm, const Blow& blow) {
  arm.cluster().server(blow.hit).clock().Jump(blow.lasts());
  return true;
}

bool JumpWallClock(NemesisArm& arm, const Blow& blow) {
  const auto seconds = static_cast<int64_t>(blow.dice() % 7200) - 3600;
  arm.cluster().server(blow.hit).clock().SetWallOffset(absl::Seconds(seconds));
  return true;
}

// Many short ones, or one that takes all the time.
bool SlowApply(NemesisArm& arm, const Blow& blow) {
  const ServerId sid = blow.hit;
  arm.cluster().server(sid).SlowApply(blow.lasts() / (blow.dice() % 2 == 0 ? 100 : 1));
  arm.After(blow.lasts(),
            [&arm, sid] { arm.cluster().server(sid).SlowApply(absl::ZeroDuration()); });
  return true;
}

bool FailApply(NemesisArm& arm, const Blow& blow) {
  arm.cluster().server(blow.hit).FailApply();
  return true;
}

bool TakeSnapshot(NemesisArm& arm, const Blow& blow) {
  arm.cluster().server(blow.hit).replica().TakeSnapshot({.timeout = absl::InfiniteDuration()},
                                                        [](absl::StatusOr<Zxid>) {});
  return true;
}

}  // namespace zkq::testing::strikes
