#include "test/core/walk.h"

#include <algorithm>
#include <random>

#include "test/core/ensemble.h"

namespace zkq::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Ensemble::Options WalkOptions(uint64_t seed, int servers) {
  return {.servers = servers,
          .seed = seed,
          .window_txns_max = 5 + seed % 20,
          .diff_txns_max = 10 + seed % 50,
          .credit_bytes = seed % 3 == 0 ? 1 + seed % 100 : 16 << 20,
          .request_credit_bytes = seed % 4 == 0 ? 600u : 8u << 20,
          .rollover_counter = seed % 5 == 0 ? 20u : 0xF000'0000u};
}

void Disturb(Ensemble* ensemble, uint64_t seed, int servers, int steps) {
  std::mt19937_64 random(seed * 7919);
  const auto any = [&] { return ServerId{1 + random() % servers}; };
  for (int i = 0; i < steps && ensemble->violation().empty(); ++i) {
    switch (random() % 17) {
      case 0:
        ensemble->Crash(any());
        break;
      case 1:
      case 2:
        ensemble->Start(any());
        break;
      case 3:
        if (const ServerId a = any(), b = any(); a != b) ensemble->Cut(a, b);
        break;
      case 4:
        ensemble->HealAll();
        break;
      case 5:
        ensemble->SnapshotAndPurge(any());
        break;
      case 6:
        ensemble->StallDisk(any(), random() % 3 == 0);
        break;
      case 7:
      case 8:
        ensemble->Read(any());
        break;
      case 9:
        ensemble->ExpireCalls(any());
        break;
      default:
        ensemble->Propose(any(), "c" + std::to_string(i));
        break;
    }
    ensemble->RunFor(milliseconds(random() % 4 == 0 ? random() % 400 : random() % 8));
  }
}

std::string Settle(Ensemble* ensemble, uint64_t seed) {
  const auto wrong = [&](const std::string& what) {
    return what + ", seed " + std::to_string(seed) + "\n" + ensemble->Summary();
  };
  for (ServerId sid : ensemble->ids()) {
    ensemble->StallDisk(sid, false);
    ensemble->Start(sid);
  }
  ensemble->HealAll();
  const auto all_serve = [&] {
    for (ServerId sid : ensemble->ids()) {
      if (!ensemble->Serving(sid)) return false;
    }
    return true;
  };
  if (!ensemble->RunUntil(all_serve, seconds(150))) return wrong("LIV-2: not everybody serves");
  const uint64_t call = ensemble->Propose(ensemble->Leader(), "last");
  const auto done = [&] {
    // Forwarded calls may still come after it: equal, and with it.
    const auto first = ensemble->Applied(ensemble->ids().front());
    if (std::find(first.begin(), first.end(), "last") == first.end()) return false;
    for (ServerId sid : ensemble->ids()) {
      if (ensemble->Applied(sid) != first) return false;
    }
    return ensemble->Outcome(call) == "applied";
  };
  if (!ensemble->RunUntil(done, seconds(20))) return wrong("LIV-1: a write is not everywhere");
  ensemble->RunFor(seconds(2));
  const std::vector<uint64_t> undecided = ensemble->Undecided();
  if (!undecided.empty()) return wrong("call " + std::to_string(undecided[0]) + " is undecided");
  return "";
}

}  // namespace

std::string WalkBlindly(uint64_t seed, int servers, int steps, size_t* applied) {
  Ensemble::Options options = WalkOptions(seed, servers);
  options.blind = true;
  Ensemble ensemble(options);
  ensemble.RunFor(seconds(5));
  Disturb(&ensemble, seed, servers, steps);
  for (ServerId sid : ensemble.ids()) *applied += ensemble.Applied(sid).size();
  return ensemble.violation();
}

std::string Walk(uint64_t seed, int servers, int steps, std::vector<std::string>* trace) {
  std::string wrong;
  Ensemble ensemble(WalkOptions(seed, servers));
  ensemble.set_tracing(trace != nullptr);
  Disturb(&ensemble, seed, servers, steps);
  if (ensemble.violation().empty()) wrong = Settle(&ensemble, seed);
  if (!ensemble.violation().empty()) wrong = ensemble.violation();
  if (trace != nullptr) *trace = ensemble.trace();
  return wrong;
}

}  // namespace zkq::core
