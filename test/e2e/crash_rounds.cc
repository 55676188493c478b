// Rounds of "SIGKILL a random server under load, start it again". At the end no
// acknowledged write is lost, nothing that was called "not committed" is there, and
// the three states are the same. The same seed kills the same servers, after the
// same number of acknowledged writes.
#include <iostream>
#include <random>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "test/e2e/ensemble.h"
#include "test/e2e/outcome.h"
#include "test/e2e/workload.h"

ABSL_FLAG(int, rounds, 200, "how many times a server is killed");
ABSL_FLAG(uint64_t, seed, 1, "which server, and when");
ABSL_FLAG(uint64_t, writes, 500, "acknowledged in each round");

namespace {

using e2e::Ensemble;
using e2e::Workload;

bool Verify(Ensemble& ensemble, Workload& load) {
  const std::string wrong = e2e::WhatIsWrong(ensemble, load);
  std::cout << wrong << load.acknowledged() << " writes acknowledged, " << load.refused()
            << " not committed, " << load.unknown()
            << " unknown: " << (wrong.empty() ? "nothing lost, three equal states" : "FAILED")
            << std::endl;
  return wrong.empty();
}

bool RunRounds(int rounds, uint64_t seed, uint64_t writes) {
  std::mt19937_64 random(seed);
  Ensemble ensemble(3, {"--snapshot_every=5000", "--retain_snapshots=1"});
  ensemble.StartAll();
  ensemble.WaitForLeader();
  Workload load(ensemble.addresses(), 4, "w", 0);
  for (int round = 0; round < rounds; ++round) {
    const uint64_t begin = round * writes;
    const int victim = static_cast<int>(random() % 3 + 1);
    const bool leads = ensemble.WaitForLeader() == victim;
    load.RaiseLimit(begin + writes);
    load.WaitForAcknowledged(begin + random() % (writes / 2));
    ensemble.Kill(victim);
    load.WaitForAcknowledged(begin + writes / 2 + random() % (writes / 2));
    ensemble.Start(victim);
    load.WaitForAcknowledged(begin + writes);
    std::cout << "round " << round + 1 << "/" << rounds << ": killed " << victim
              << (leads ? ", the leader" : "") << std::endl;
  }
  return Verify(ensemble, load);
}

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  try {
    return RunRounds(absl::GetFlag(FLAGS_rounds), absl::GetFlag(FLAGS_seed),
                     absl::GetFlag(FLAGS_writes))
               ? 0
               : 1;
  } catch (const std::exception& failure) {
    std::cout << "FAILED: " << failure.what() << std::endl;
    return 1;
  }
}
