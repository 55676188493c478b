// Faults of disks: those that pass, and those that lose what was there.
#include <algorithm>

#include "lib/testing/cluster/strikes.h"

namespace zkq::testing::strikes {
namespace {

using Step = MemoryFileSystem::Step;

// A log has zeros ahead of it, where damage means little: most of it strikes before.
size_t UsedBytes(std::string_view contents) {
  const size_t last = contents.find_last_not_of('\0');
  return last == std::string_view::npos ? 0 : std::min(contents.size(), last + 1 + 512);
}

bool DamageSomewhere(NemesisArm& arm, Fault fault, ServerId sid, SimRandom* random) {
  SimCluster& cluster = arm.cluster();
  const std::vector<std::string> files = cluster.server(sid).disk().Files();
  if (files.empty()) return false;
  // Half of it in the newest segment of the log: there is what nobody has a copy of yet.
  const auto in_log = [](const std::string& path) { return path.find("/log-") != path.npos; };
  const auto newest = std::find_if(files.rbegin(), files.rend(), in_log);
  const bool any = random->Below(2) == 0 || newest == files.rend();
  const std::string& path = any ? files[random->Below(files.size())] : *newest;
  const size_t size = UsedBytes(*cluster.server(sid).disk().Contents(path));
  if (size == 0) return false;
  // Half of it among what was written last, which least vouches for.
  const size_t region = random->Below(2) == 0 ? size : std::min<size_t>(size, 2048);
  const uint64_t at = size - region + random->Below(region);
  const uint64_t sector = at - at % 512;
  if (!cluster.server(sid).Settled(path, at) || !cluster.server(sid).Settled(path, sector))
    return false;
  if (fault == Fault::kRotDisk) {
    return cluster.server(sid).FlipBit(path, at, static_cast<int>(random->Below(8)));
  }
  if (fault == Fault::kLoseSector) return cluster.server(sid).LoseSector(path, sector);
  return cluster.server(sid).OverwriteSector(path, sector, random->Below(1 + size / 512) * 512);
}

bool SlowDiskFor(NemesisArm& arm, ServerId sid, absl::Duration lasts, uint64_t milliseconds) {
  arm.cluster().server(sid).SlowDisk(absl::Milliseconds(static_cast<int64_t>(milliseconds)));
  arm.After(lasts, [&arm, sid] { arm.cluster().server(sid).SlowDisk(absl::ZeroDuration()); });
  return true;
}

// Once its disk is lost it may be refused: then there is nothing to try again for.
void StartOnceAfter(NemesisArm& arm, absl::Duration down, ServerId sid) {
  arm.After(down, [&arm, sid] { (void)arm.cluster().server(sid).Start(); });
}

}  // namespace

bool SlowDisk(NemesisArm& arm, const Blow& blow) {
  return SlowDiskFor(arm, blow.hit, blow.lasts(), 1 + blow.dice() % 200);
}
bool CrawlingDisk(NemesisArm& arm, const Blow& blow) {
  return SlowDiskFor(arm, blow.hit, 3 * blow.lasts(), 100 + blow.dice() % 2900);
}

bool SlowReads(NemesisArm& arm, const Blow& blow) {
  const ServerId sid = blow.hit;
  arm.cluster().server(sid).SlowReads(blow.lasts() / 2);
  arm.After(blow.lasts(),
            [&arm, sid] { arm.cluster().server(sid).SlowReads(absl::ZeroDuration()); });
  return true;
}

bool StallDisk(NemesisArm& arm, const Blow& blow) {
  arm.cluster().server(blow.hit).StallDisk(blow.lasts());
  return true;
}

bool FailWrite(NemesisArm& arm, const Blow& blow) {
  constexpr Step kChanges[] = {Step::kWrite, Step::kCreate, Step::kRename, Step::kRemove,
                               Step::kResize};
  const uint64_t dice = blow.dice() % 10;
  arm.cluster().server(blow.hit).FailDisk(dice < std::size(kChanges) ? kChanges[dice]
                                                                     : Step::kWrite);
  return true;
}

bool FailSync(NemesisArm& arm, const Blow& blow) {
  arm.cluster().server(blow.hit).FailDisk(blow.dice() % 4 == 0 ? Step::kSyncDirectory
                                                               : Step::kSync);
  return true;
}

bool FailRead(NemesisArm& arm, const Blow& blow) {
  arm.cluster().server(blow.hit).FailRead();
  return true;
}

bool FullDisk(NemesisArm& arm, const Blow& blow) {
  const ServerId sid = blow.hit;
  arm.cluster().server(sid).FillDisk(true);
  arm.After(blow.lasts(), [&arm, sid] { arm.cluster().server(sid).FillDisk(false); });
  return true;
}

bool WipeDisk(NemesisArm& arm, const Blow& blow) {
  if (!arm.MayLose(blow.hit)) return false;
  arm.Crash(blow.hit, CrashMode::kPower);
  arm.cluster().server(blow.hit).WipeDisk();
  arm.CountLost(blow.hit);
  StartOnceAfter(arm, blow.lasts(), blow.hit);
  return true;
}

bool DamageDisk(NemesisArm& arm, const Blow& blow) {
  constexpr int kTries = 16;  // what is too fresh, or alike, is no place for it
  // Nobody founds without a server that refuses to start.
  if (!arm.founded() || !arm.MayLose(blow.hit)) return false;
  arm.Crash(blow.hit, CrashMode::kPower);
  SimRandom random(blow.dice());
  for (int i = 0; i < kTries; ++i) {
    if (!DamageSomewhere(arm, blow.fault(), blow.hit, &random)) continue;
    arm.CountLost(blow.hit);
    StartOnceAfter(arm, blow.lasts(), blow.hit);
    return true;
  }
  arm.RestartAfter(blow.lasts(), blow.hit);
  return false;
}

// One voter knows the disk that is lost, and its own stalls, so that it would be late to
// say what it has founded on; another meets the next disk only. Or all of them meet, and
// may have founded when the disk is lost: then that voter is not waited for.
bool LoseEmptyDisk(NemesisArm& arm, const Blow& blow) {
  constexpr absl::Duration kStalls = absl::Seconds(1);
  const ServerId loser = blow.a, knows = blow.b;
  const std::vector<ServerId>& all = arm.servers();
  const auto meets_late = std::find_if(all.begin(), all.end(),
                                       [&](ServerId sid) { return sid != loser && sid != knows; });
  if (meets_late == all.end()) return false;
  const ServerId other = *meets_late;
  const bool apart = blow.dice() % 4 != 0;
  if (apart) {
    arm.network().Cut(loser, other);
    arm.EndAfter(std::minmax(loser, other), blow.lasts(),
                 [&arm, loser, other] { arm.network().Mend(loser, other); });
  } else {
    arm.CountLost(loser);
  }
  arm.cluster().server(knows).StallDisk(kStalls);
  arm.After(blow.lasts() / 2, [&arm, lasts = blow.lasts(), loser, other, apart] {
    if (apart && arm.Met(other, loser)) {  // too late: others may have founded on that disk
      if (!arm.MayLose(loser)) return;
      arm.CountLost(loser);
    }
    arm.Note(Fault::kLoseEmptyDisk, arm.RoleOf(loser));
    arm.Crash(loser, CrashMode::kPower);
    // A change may be under way by then that needs just this disk: it may come back.
    arm.cluster().server(loser).LoseDisk();
    arm.RestartAfter(lasts / 4, loser);
  });
  return false;
}

}  // namespace zkq::testing::strikes
