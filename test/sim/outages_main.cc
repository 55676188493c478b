// zkq-outages: how long an ensemble is away when all its servers start anew, and when its
// leader dies: in virtual time, so the machine it runs on does not matter.
//
//   zkq-outages --runs=1000
#include <iostream>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "test/sim/outages.h"

ABSL_FLAG(uint64_t, seed, 1, "the first seed");
ABSL_FLAG(uint64_t, runs, 300, "how many seeds for each line");
ABSL_FLAG(int, servers, 0, "how many; 0: 3, 5, 7 and 9");

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Measures outages of simulated ensembles.");
  absl::ParseCommandLine(argc, argv);
  const uint64_t seed = absl::GetFlag(FLAGS_seed), runs = absl::GetFlag(FLAGS_runs);
  for (const int servers : {3, 5, 7, 9}) {
    const int only = absl::GetFlag(FLAGS_servers);
    if (only != 0 && only != servers) continue;
    using zkq::sim::Outages;
    std::cout << servers << " servers, restart of all: "
              << Outages(zkq::sim::RestartOfAll, servers, seed, runs).Text() << "\n"
              << servers << " servers, the leader dies: "
              << Outages(zkq::sim::Failover, servers, seed, runs).Text() << std::endl;
  }
  return 0;
}
