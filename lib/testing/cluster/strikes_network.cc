// Faults of the network. Those of a link, of a partition, of a reader and of all delays each
// end when the last of their kind there does.
#include <algorithm>
#include <set>

#include "lib/testing/cluster/strikes.h"

namespace zkq::testing::strikes {
namespace {

constexpr NemesisArm::Pair kPartition{kNoServer, kNoServer};

void MendAfter(NemesisArm& arm, const Blow& blow) {
  const ServerId a = blow.a, b = blow.b;
  arm.EndAfter(std::minmax(a, b), blow.lasts(), [&arm, a, b] { arm.network().Mend(a, b); });
}

void PartFor(NemesisArm& arm, const std::set<ServerId>& side, absl::Duration lasts) {
  arm.network().Partition(side);
  arm.EndAfter(kPartition, lasts, [&arm] { arm.network().Partition({}); });
}

// Changes one way, until it is mended.
template <typename Change>
bool ChangePath(NemesisArm& arm, const Blow& blow, Change change) {
  SimPath path = arm.network().path(blow.a, blow.b);
  change(path);
  arm.network().SetPath(blow.a, blow.b, path);
  MendAfter(arm, blow);
  return true;
}

void FlapFor(NemesisArm& arm, ServerId a, ServerId b, absl::Duration lasts) {
  constexpr absl::Duration kPeriod = absl::Milliseconds(100);
  arm.network().Disconnect(a, b);
  if (lasts <= kPeriod) return;
  arm.After(kPeriod, [&arm, a, b, left = lasts - kPeriod] { FlapFor(arm, a, b, left); });
}

}  // namespace

bool BreakLink(NemesisArm& arm, const Blow& blow) {
  return arm.network().Disconnect(blow.a, blow.b);
}

bool ReplaceLink(NemesisArm& arm, const Blow& blow) {
  // The larger one dials: it makes a new one while the other end has the old one still.
  return arm.network().HalfOpen(std::max(blow.a, blow.b), std::min(blow.a, blow.b));
}

bool CutLink(NemesisArm& arm, const Blow& blow) {
  arm.network().Cut(blow.a, blow.b);
  MendAfter(arm, blow);
  return true;
}

// Some on this side, some on the other.
bool Partition(NemesisArm& arm, const Blow& blow) {
  const std::vector<ServerId>& all = arm.servers();
  const uint64_t drawn = 1 + blow.dice() % ((uint64_t{1} << all.size()) - 2);
  std::set<ServerId> side;
  for (size_t i = 0; i < all.size(); ++i) {
    if (drawn >> i & 1) side.insert(all[i]);
  }
  PartFor(arm, side, blow.lasts());
  return true;
}

bool IsolateLeader(NemesisArm& arm, const Blow& blow) {
  PartFor(arm, {blow.hit}, blow.lasts() + absl::Seconds(2));  // it has to be replaced
  return true;
}

// It comes back when the others have taken theirs, or not much later; and may be left
// behind again at once, with a state machine that is busy all the while.
bool LeaveBehind(NemesisArm& arm, const Blow& blow) {
  constexpr absl::Duration kTakes = absl::Milliseconds(500);
  const ServerId sid = blow.a;
  const absl::Duration each = blow.lasts() + kTakes;
  const int times = blow.dice() % 2 == 0 ? 1 : 2;
  if (times == 2) {
    arm.cluster().SlowApply(sid, 4 * each);
    arm.After(2 * each, [&arm, sid] { arm.cluster().SlowApply(sid, absl::ZeroDuration()); });
  }
  for (int time = 0; time < times; ++time) {
    const absl::Duration begin = 2 * time * each;
    arm.After(begin, [&arm, sid, each] { PartFor(arm, {sid}, each); });
    arm.After(begin + blow.lasts(), [&arm, sid] {
      for (const ServerId other : arm.servers()) {
        if (other == sid || !arm.cluster().up(other)) continue;
        arm.cluster().replica(other).TakeSnapshot([](absl::StatusOr<Zxid>) {});
      }
    });
  }
  return true;
}

bool StallOneWay(NemesisArm& arm, const Blow& blow) {
  return ChangePath(arm, blow, [](SimPath& path) { path.stalled = true; });
}

bool LoseOneWay(NemesisArm& arm, const Blow& blow) {
  return ChangePath(arm, blow, [](SimPath& path) { path.silent = true; });
}

bool SlowLink(NemesisArm& arm, const Blow& blow) {
  const SimDelay delay{absl::Milliseconds(1), absl::Milliseconds(1) + blow.lasts() / 10};
  return ChangePath(arm, blow, [&](SimPath& path) { path.delay = delay; });
}

bool SlowNetwork(NemesisArm& arm, const Blow& blow) {
  SimNetwork& network = arm.network();
  network.SetDelay(absl::Milliseconds(1), absl::Milliseconds(1 + blow.dice() % 100));
  arm.EndAfter({kNoServer, arm.servers().front()}, blow.lasts(), [&network] {
    network.SetDelay(network.options().delay_min, network.options().delay_max);
  });
  return true;
}

bool Flap(NemesisArm& arm, const Blow& blow) {
  FlapFor(arm, blow.a, blow.b, blow.lasts());
  return true;
}

bool SlowReader(NemesisArm& arm, const Blow& blow) {
  const ServerId sid = blow.a;
  arm.network().SetReading(sid, false);
  arm.EndAfter({sid, sid}, blow.lasts(), [&arm, sid] { arm.network().SetReading(sid, true); });
  return true;
}

}  // namespace zkq::testing::strikes
