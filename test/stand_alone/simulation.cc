// What a user of the testing kit writes: three replicas that only elect, one crash.
#include <iostream>

#include "zkq/testing/sim_cluster.h"

int main() {
  zkq::testing::SimCluster cluster({.servers = 3}, nullptr);
  const auto led = [&] { return cluster.leader().has_value(); };
  cluster.StartAll();
  if (!cluster.RunUntil(led, absl::Seconds(10))) return 1;
  cluster.server(*cluster.leader()).Crash();
  const absl::Status converged = cluster.CheckConverges(absl::Seconds(60));
  std::cout << cluster.Describe() << converged << "\n";
  return converged.ok() ? 0 : 1;
}
