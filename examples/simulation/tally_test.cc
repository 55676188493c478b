// A state machine of your own under faults: three replicas on one thread, a minute of
// virtual time a seed. What was acknowledged has to be counted everywhere, and once.
#include <algorithm>
#include <functional>
#include <iostream>

#include "tally.h"
#include "zkq/testing/conformance.h"
#include "zkq/testing/nemesis.h"

using namespace zkq::testing;

absl::Status Simulate(uint64_t seed) {
  constexpr absl::Duration kMinute = absl::Minutes(1);
  int64_t commands = 0, acknowledged = 0, unknown = 0, wrong = 0;  // outlive the cluster
  std::function<void()> add;
  SimCluster cluster({.servers = 3, .seed = seed},
                     [](zkq::ServerId) { return std::make_unique<Tally>(); });
  add = [&] {
    cluster.scheduler().After(absl::Milliseconds(100), [&] { add(); });
    const zkq::ServerId sid = cluster.servers()[cluster.scheduler().random().Below(3)];
    cluster.server(sid).Propose("add " + std::to_string(++commands), absl::Seconds(2),
                                [&](absl::StatusOr<zkq::Reply> reply) {
                                  acknowledged += reply.ok();
                                  unknown += zkq::GetErrorInfo(reply.status()).outcome ==
                                             zkq::Outcome::kUnknown;
                                });
  };
  cluster.StartAll();
  add();
  Nemesis nemesis(&cluster);
  nemesis.Run(PlanStrikes(Profile::kEverything, seed, kMinute), kMinute);
  add = [] {};
  if (absl::Status calm = cluster.CheckConverges(kMinute, nemesis.lost()); !calm.ok()) {
    return calm;
  }
  cluster.RunFor(absl::Seconds(2));  // so long the last call may wait
  for (const zkq::ServerId sid : cluster.servers()) {
    if (std::ranges::count(nemesis.lost(), sid) > 0) continue;  // its disk is lost, and its vote
    ++wrong;
    cluster.server(sid).Read("", kMinute, [&](absl::StatusOr<zkq::Reply> reply) {
      const int64_t count = reply.ok() ? std::stoll(reply->value) : -1;
      wrong -= count >= acknowledged && count <= acknowledged + unknown;
    });
  }
  cluster.RunFor(absl::Seconds(1));
  if (wrong != 0) cluster.Report("every call counts once", "some server has counted otherwise");
  return cluster.CheckEnd();
}

int main() {
  // First what needs no ensemble: determinism, snapshots, restoring over a state.
  absl::Status status =
      RunStateMachineConformance([] { return std::make_unique<Tally>(); },
                                 {.command = [](SimRandom&) { return std::string("add"); }});
  for (uint64_t seed = 1; seed <= 100 && status.ok(); ++seed) {
    status = Simulate(seed);
    if (!status.ok()) std::cerr << "seed " << seed << ": ";
  }
  if (!status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  std::cout << "nothing lost, nothing counted twice\n";
}
