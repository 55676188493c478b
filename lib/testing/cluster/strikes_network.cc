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

template <typename Change>
void ChangeWay(NemesisArm& arm, ServerId from, ServerId to, Change change) {
  SimPath path = arm.network().path(from, to);
  change(path);
  arm.network().SetPath(from, to, path);
}

// One way, until it is mended.
template <typename Change>
bool ChangePath(NemesisArm& arm, const Blow& blow, Change change) {
  ChangeWay(arm, blow.a, blow.b, change);
  MendAfter(arm, blow);
  return true;
}

template <typename Change>
bool ChangeBothWays(NemesisArm& arm, const Blow& blow, Change change) {
  ChangeWay(arm, blow.b, blow.a, change);
  return ChangePath(arm, blow, change);
}

// Between these and the others, both ways.
void SetSilent(NemesisArm& arm, const std::set<ServerId>& side, bool silent) {
  for (const ServerId from : arm.servers()) {
    for (const ServerId to : arm.servers()) {
      if (side.contains(from) == side.contains(to)) continue;
      ChangeWay(arm, from, to, [&](SimPath& path) { path.silent = silent; });
    }
  }
}

bool SilenceFor(NemesisArm& arm, const std::set<ServerId>& side, const Blow& blow) {
  SetSilent(arm, side, true);
  arm.EndAfter({kNoServer, *side.begin()}, blow.lasts(),
               [&arm, side] { SetSilent(arm, side, false); });
  return true;
}

// Some on this side, some on the other.
std::set<ServerId> DrawnSide(const NemesisArm& arm, const Blow& blow) {
  const std::vector<ServerId>& all = arm.servers();
  const uint64_t drawn = 1 + blow.dice() % ((uint64_t{1} << all.size()) - 2);
  std::set<ServerId> side;
  for (size_t i = 0; i < all.size(); ++i) {
    if (drawn >> i & 1) side.insert(all[i]);
  }
  return side;
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

bool Partition(NemesisArm& arm, const Blow& blow) {
  PartFor(arm, DrawnSide(arm, blow), blow.lasts());
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
    arm.cluster().server(sid).SlowApply(4 * each);
    arm.After(2 * each, [&arm, sid] { arm.cluster().server(sid).SlowApply(absl::ZeroDuration()); });
  }
  for (int time = 0; time < times; ++time) {
    const absl::Duration begin = 2 * time * each;
    arm.After(begin, [&arm, sid, each] { PartFor(arm, {sid}, each); });
    arm.After(begin + blow.lasts(), [&arm, sid] {
      for (const ServerId other : arm.servers()) {
        if (other == sid || !arm.cluster().server(other).up()) continue;
        arm.cluster().server(other).replica().TakeSnapshot({.timeout = absl::InfiniteDuration()},
                                                           [](absl::StatusOr<Zxid>) {});
      }
    });
  }
  return true;
}

bool StallOneWay(NemesisArm& arm, const Blow& blow) {
  return ChangePath(arm, blow, [](SimPath& path) { path.stalled = true; });
}

bool SilenceOneWay(NemesisArm& arm, const Blow& blow) {
  return ChangePath(arm, blow, [](SimPath& path) { path.silent = true; });
}

bool SilenceLink(NemesisArm& arm, const Blow& blow) {
  return ChangeBothWays(arm, blow, [](SimPath& path) { path.silent = true; });
}

bool SilenceAround(NemesisArm& arm, const Blow& blow) { return SilenceFor(arm, {blow.hit}, blow); }

bool SilentPartition(NemesisArm& arm, const Blow& blow) {
  return SilenceFor(arm, DrawnSide(arm, blow), blow);
}

bool HalfOpen(NemesisArm& arm, const Blow& blow) { return arm.network().HalfOpen(blow.a, blow.b); }

// A packet of Ethernet's size is too large.
bool SwallowLarge(NemesisArm& arm, const Blow& blow) {
  return ChangeBothWays(arm, blow, [](SimPath& path) { path.largest = 1400; });
}

bool MissingLinks(NemesisArm& arm, const Blow& blow) {
  SimRandom random(blow.dice());
  const uint64_t one_in = 2 + random.Below(3);
  for (const ServerId a : arm.servers()) {
    for (const ServerId b : arm.servers()) {
      if (a >= b || random.Below(one_in) != 0) continue;
      if (random.Below(2) == 0) {
        arm.network().Cut(a, b);
      } else {
        ChangeWay(arm, a, b, [](SimPath& path) { path.silent = true; });
        ChangeWay(arm, b, a, [](SimPath& path) { path.silent = true; });
      }
      arm.EndAfter({a, b}, 5 * blow.lasts(), [&arm, a, b] { arm.network().Mend(a, b); });
    }
  }
  return true;
}

bool FarAway(NemesisArm& arm, const Blow& blow) {
  const absl::Duration far = absl::Milliseconds(static_cast<int64_t>(50 + blow.dice() % 950));
  const SimDelay delay{far / 2, far};
  for (const ServerId other : arm.servers()) {
    if (other == blow.hit) continue;
    for (const auto& [from, to] : {std::pair(blow.hit, other), std::pair(other, blow.hit)}) {
      ChangeWay(arm, from, to, [&](SimPath& path) { path.delay = delay; });
    }
    arm.EndAfter(std::minmax(blow.hit, other), 2 * blow.lasts(),
                 [&arm, a = blow.hit, other] { arm.network().Mend(a, other); });
  }
  return true;
}

bool ThinLine(NemesisArm& arm, const Blow& blow) {
  const uint64_t mbits = 1 + blow.dice() % 100;
  return ChangeBothWays(arm, blow, [&](SimPath& path) { path.bytes_per_second = mbits * 125'000; });
}

bool FlipBytes(NemesisArm& arm, const Blow& blow) {
  const uint64_t one_in = 1 + blow.dice() % 50;
  return ChangeBothWays(arm, blow, [&](SimPath& path) { path.flips_one_in = one_in; });
}

bool ResetHandshakes(NemesisArm& arm, const Blow& blow) {
  arm.network().Disconnect(blow.a, blow.b);
  return ChangeBothWays(arm, blow, [](SimPath& path) { path.resets = true; });
}

bool DeafListener(NemesisArm& arm, const Blow& blow) {
  const ServerId sid = blow.hit;
  for (const ServerId other : arm.servers()) arm.network().Disconnect(sid, other);
  arm.network().SetAnswering(sid, false);
  arm.EndAfter({sid, kNoServer}, blow.lasts(),
               [&arm, sid] { arm.network().SetAnswering(sid, true); });
  return true;
}

bool ChangeAddress(NemesisArm& arm, const Blow& blow) {
  arm.network().Move(blow.hit);
  return true;
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
