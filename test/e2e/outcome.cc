#include "test/e2e/outcome.h"

namespace e2e {

std::string WhatIsWrong(Ensemble& ensemble, Workload& load) {
  load.Stop();
  ensemble.WaitUntilEqual();
  const int leader = ensemble.WaitForLeader();
  const Contents contents = ensemble.Read(leader, /*serializable=*/false);
  std::string wrong = load.Violations(contents);
  for (int id : ensemble.ids()) {
    if (!ensemble.running(id) || ensemble.Read(id, /*serializable=*/true) == contents) continue;
    wrong += "server " + std::to_string(id) + " holds another state\n";
  }
  return wrong;
}

}  // namespace e2e
