#include <chrono>
#include <cstdio>
#include <cstdlib>
#include "test/sim/run.h"
using namespace zkq;
using namespace zkq::sim;
int main(int argc, char** argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], 0, 10) : 1;
  int runs = argc > 2 ? atoi(argv[2]) : 1;
  Profile p = Profile(argc > 3 ? atoi(argv[3]) : 5);
  int servers = argc > 4 ? atoi(argv[4]) : 3;
  auto t0 = std::chrono::steady_clock::now();
  absl::Duration sim;
  uint64_t steps = 0, calls = 0;
  for (int i = 0; i < runs; ++i) {
    RunOptions o{.seed = seed + i,
                 .profile = p,
                 .servers = servers,
                 .trace_lines = size_t(runs == 1 ? 400 : 0)};
    RunResult r = Run(o);
    sim += r.simulated;
    steps += r.steps;
    calls += r.calls;
    if (r.violation) {
      for (auto& l : r.trace) printf("%s\n", l.c_str());
      printf("seed %lu: %s: %s\n", seed + i, r.violation->property.c_str(),
             r.violation->what.c_str());
      if (runs == 1) return 1;
    }
    if (runs == 1)
      printf("hash %lx steps %lu calls %lu strikes %zu\n", r.trace_hash, r.steps, r.calls,
             r.strikes);
  }
  double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - t0).count();
  printf("%d runs, %.0f virtual s, %.2f s, ratio %.0f, %.0f steps/s, %lu calls\n", runs,
         absl::ToDoubleSeconds(sim), s, absl::ToDoubleSeconds(sim) / s, steps / s, calls);
}
