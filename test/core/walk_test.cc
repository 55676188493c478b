// Random walks of whole ensembles on the bare core: crashes, cuts, stalled disks,
// snapshots, under load; then calm, after which everybody must serve and agree.
#include "test/core/ensemble.h"
#include "test/harness/catch.h"

namespace zkq::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string Walk(uint64_t seed, int servers, int steps) {
  std::mt19937_64 random(seed * 7919);
  Ensemble ensemble({.servers = servers,
                     .seed = seed,
                     .window_txns_max = 5 + seed % 20,
                     .diff_txns_max = 10 + seed % 50,
                     .rollover_counter = seed % 5 == 0 ? 20u : 0xF000'0000u});
  const auto any = [&] { return ServerId{1 + random() % servers}; };
  for (int i = 0; i < steps && ensemble.violation().empty(); ++i) {
    switch (random() % 16) {
      case 0:
        ensemble.Crash(any());
        break;
      case 1:
      case 2:
        ensemble.Start(any());
        break;
      case 3:
        if (const ServerId a = any(), b = any(); a != b) ensemble.Cut(a, b);
        break;
      case 4:
        ensemble.HealAll();
        break;
      case 5:
        ensemble.SnapshotAndPurge(any());
        break;
      case 6:
        ensemble.StallDisk(any(), random() % 3 == 0);
        break;
      case 7:
      case 8:
        ensemble.Read(any());
        break;
      default:
        ensemble.Propose(any(), "c" + std::to_string(i));
        break;
    }
    ensemble.RunFor(milliseconds(random() % 4 == 0 ? random() % 400 : random() % 8));
  }
  for (ServerId sid : ensemble.ids()) {
    ensemble.StallDisk(sid, false);
    ensemble.Start(sid);
  }
  ensemble.HealAll();
  const auto all_serve = [&] {
    for (ServerId sid : ensemble.ids()) {
      if (!ensemble.Serving(sid)) return false;
    }
    return true;
  };
  if (!ensemble.RunUntil(all_serve, seconds(150)) && ensemble.violation().empty()) {
    return "LIV-1/2: not everybody serves, seed " + std::to_string(seed) + "\n" +
           ensemble.Summary();
  }
  const uint64_t call = ensemble.Propose(ensemble.Leader(), "last");
  const auto done = [&] {
    for (ServerId sid : ensemble.ids()) {
      const auto applied = ensemble.Applied(sid);
      if (applied.empty() || applied.back() != "last") return false;
    }
    return ensemble.Outcome(call) == "applied";
  };
  if (!ensemble.RunUntil(done, seconds(20)) && ensemble.violation().empty()) {
    return "LIV-1: the last write is not everywhere, seed " + std::to_string(seed) + "\n" +
           ensemble.Summary();
  }
  return ensemble.violation();
}

TEST_CASE("random walks of three servers keep every property and settle") {
  for (uint64_t seed = 1; seed <= 300; ++seed) REQUIRE(Walk(seed, 3, 120) == "");
}

TEST_CASE("random walks of five servers keep every property and settle") {
  for (uint64_t seed = 1; seed <= 100; ++seed) REQUIRE(Walk(seed, 5, 120) == "");
}

TEST_CASE("random walks of one and two servers keep every property and settle") {
  for (uint64_t seed = 1; seed <= 50; ++seed) REQUIRE(Walk(seed, 1, 60) == "");
  for (uint64_t seed = 1; seed <= 50; ++seed) REQUIRE(Walk(seed, 2, 60) == "");
}

}  // namespace
}  // namespace zkq::core
